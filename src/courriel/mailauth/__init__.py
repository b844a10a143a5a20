"""Who a message is from: signatures made and judged, and what DNS says about them."""
