"""What schools see: staging and export."""
