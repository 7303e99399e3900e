"""The networks in plain torch; imported only when one is built."""
