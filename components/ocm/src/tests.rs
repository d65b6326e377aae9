//! What the corpus cannot say.
