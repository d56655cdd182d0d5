//! Writers of the formats that an image is made of.
