"""What the vendor tools say and want: text in, values out, argument lists out."""
