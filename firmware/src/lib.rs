//! Bare-metal guest programs, assembled at build time.
