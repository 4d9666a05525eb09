"""What is asked under a contract and leaves: the request, who asks, the manifest, the receipt."""
