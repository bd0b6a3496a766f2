//! The board: memory map, wiring, device tree, loader, PSCI, vCPU threads.
