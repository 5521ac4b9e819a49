//! The `APIOps` folder in its three spellings, with publisher overrides laid over it.
