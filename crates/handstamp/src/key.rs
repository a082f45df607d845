//! Keys that know the type of their value.

use std::fmt;
use std::marker::PhantomData;

/// The name of a value together with its type: `const VIEWS: Key<u64> = Key::new("views");`
///
/// A `Key` is only a name. Whatever the session holds under it is checked when it is read.
pub struct Key<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// A key of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}

/// What can name a value of type `T`: a [`Key<T>`], or any string.
pub trait KeyFor<T> {
    /// The name.
    fn name(&self) -> &str;
}

impl<T> KeyFor<T> for Key<T> {
    fn name(&self) -> &str {
        self.name
    }
}

impl<T> KeyFor<T> for &str {
    fn name(&self) -> &str {
        self
    }
}

impl<T> KeyFor<T> for &String {
    fn name(&self) -> &str {
        self
    }
}
