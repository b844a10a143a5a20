"""What a view is made of, part by part: header, markup, links, letters.  ``threats.read`` puts it together."""
