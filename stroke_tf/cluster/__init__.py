"""Many machines: jobs, not gradients, are shared. Ray is imported only where it was asked for."""
