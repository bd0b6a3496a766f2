//! Data processing -- register.
