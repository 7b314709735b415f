"""The assessment in the formats that other systems read."""
