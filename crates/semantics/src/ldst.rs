//! Loads and stores of general-purpose registers.
