//! The disk for mirrored volumes: which one may be taken, and LVM on it.
