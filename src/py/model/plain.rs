//! A response object as a dict, in one pass over the server's text.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use jiter::{cached_py_string, pystring_ascii_new};
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use smallvec::SmallVec;

use super::dump::Without;
use super::schema::{Kind, Schema, Standing};
use crate::escape::without_short_escapes;
use crate::py::json::decode;
use crate::split::{Cursor, Known, Literal, is_ascii};

/// Deeper values are left to Python's decoder, which knows how deep it may go.
const MAX_DEPTH: usize = 128;
/// What is shown as it was sent.
const ANY: Kind = Kind::Plain("any");
/// Fields that say the same in most objects of a class.
const REPEATING: [&str; 6] = ["finish_reason", "model", "name", "object", "role", "type"];
/// Longer values are made anew for each object.
const MAX_USUAL: usize = 64;

/// What a class's dicts have in common.
#[derive(Debug)]
pub struct Shape {
    slots: Box<[Slot]>,
    /// The field that an object began with the last time.
    first: Guess,
    /// What a dict begins as: a copy of it takes less time than to add fields one by one. It has those that are declared,
    /// as null or as what they usually are.
    blank: Py<PyDict>,
    /// The fields for which the blank dict has been given something, by their positions. Bits are set before that.
    changed: AtomicU64,
    /// The same, set after that.
    usual: AtomicU64,
}

/// A field of a class's dicts.
#[derive(Debug)]
struct Slot {
    name: Known,
    key: Py<PyString>,
    /// What its value is made as.
    kind: Kind,
    /// The literal of what the blank dict has been given for it.
    usual: OnceLock<Known>,
    is_declared: bool,
    is_repeating: bool,
    /// The field that came behind it the last time.
    next: Guess,
}

/// The position of the field that is tried first: servers keep to an order.
#[derive(Debug, Default)]
struct Guess(AtomicU8);

impl Guess {
    #[inline]
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed).into()
    }

    fn learn(&self, at: usize) {
        if let Ok(at) = u8::try_from(at) {
            self.0.store(at, Ordering::Relaxed);
        }
    }
}

impl Shape {
    /// That of a class.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub fn of(py: Python<'_>, schema: &Schema) -> PyResult<Self> {
        let blank = PyDict::new(py);
        let mut slots = Vec::with_capacity(schema.fields.len());
        for field in schema.fields {
            let key = PyString::intern(py, field.name);
            blank.set_item(&key, py.None())?;
            slots.push(Slot {
                name: Known::name(field.name),
                key: key.unbind(),
                kind: if field.is_declared() { field.kind } else { ANY },
                usual: OnceLock::new(),
                is_declared: field.is_declared(),
                is_repeating: field.is_declared() && REPEATING.contains(&field.name),
                next: Guess::default(),
            });
        }
        // What is taken out leaves room for when it is sent.
        for (field, slot) in schema.fields.iter().zip(&slots) {
            if !field.is_declared() {
                blank.del_item(&slot.key)?;
            }
        }
        Ok(Self {
            slots: slots.into(),
            first: Guess::default(),
            blank: blank.unbind(),
            changed: AtomicU64::new(0),
            usual: AtomicU64::new(0),
        })
    }

    /// Takes the value that the cursor is at as what the field at this position usually is, if it is a short string.
    #[cold]
    fn learn(&self, py: Python<'_>, at: usize, slot: &Slot, cursor: &Cursor<'_>) -> PyResult<()> {
        let mut ahead = cursor.clone();
        if !ahead.is_at(b'"') {
            return Ok(());
        }
        let literal = ahead.string();
        if !literal.is_plain || literal.text().len() > MAX_USUAL {
            return Ok(());
        }
        // Where no lock is around the interpreter, another thread may do the same, or copy the dict.
        if self.changed.fetch_or(1 << at, Ordering::AcqRel) & 1 << at == 0 {
            self.blank.bind(py).set_item(&slot.key, literal.content())?;
            let _ = slot.usual.set(Known::new(literal.text()));
            self.usual.fetch_or(1 << at, Ordering::Release);
        }
        Ok(())
    }

    /// Makes null in the dict what was not sent and may not be null in it, by positions.
    #[inline]
    fn clear(&self, dict: &Bound<'_, PyDict>, unsent: u64) -> PyResult<()> {
        let mut unsent = unsent;
        while unsent != 0 {
            if let Some(slot) = self.slots.get(unsent.trailing_zeros() as usize) {
                dict.set_item(&slot.key, dict.py().None())?;
            }
            unsent &= unsent - 1;
        }
        Ok(())
    }
}

/// Makes dicts of text that is valid JSON.
pub struct Reader<'py> {
    py: Python<'py>,
    without: Without,
    /// The items of all lists that have been begun.
    items: SmallVec<[Bound<'py, PyAny>; 8]>,
    /// For strings that have escapes.
    room: Vec<u8>,
    /// What was wrong with a value.
    error: Option<PyErr>,
    /// As long as nothing but new data is made.
    calm: Option<Calm>,
}

impl<'py> Reader<'py> {
    /// A reader that leaves these fields out.
    #[must_use]
    pub fn new(py: Python<'py>, without: Without) -> Self {
        Self {
            py,
            without,
            items: SmallVec::new(),
            room: Vec::new(),
            error: None,
            calm: Calm::begin(py),
        }
    }

    /// The object that the cursor is in front of, which is one: the fields that are declared, then the server's own. Of
    /// members of one name the last one counts, in the place of the first.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn object(mut self, schema: &Schema, cursor: &mut Cursor<'_>) -> PyResult<Bound<'py, PyDict>> {
        let is_object = cursor.is_at(b'{');
        debug_assert!(is_object, "{}", schema.name);
        self.dict(schema, cursor)
            .map_err(|Unusual| self.error.unwrap_or_else(|| PyMemoryError::new_err(())))
    }

    /// The object that the cursor is at.
    fn dict(&mut self, schema: &Schema, cursor: &mut Cursor<'_>) -> Result<Bound<'py, PyDict>, Unusual> {
        let shape = (schema.shape)(self.py)?;
        let usual = shape.usual.load(Ordering::Acquire);
        let dict = shape.blank.bind(self.py).copy()?;
        let changed = shape.changed.load(Ordering::Acquire);
        let mut sent = 0_u64;
        let mut guess = &shape.first;
        cursor.pass(1);
        while cursor.is_at(b'"') {
            let guessed = guess.get();
            let at = match shape.slots.get(guessed) {
                Some(slot) if cursor.pass_known(&slot.name) => guessed,
                _ => {
                    let name = cursor.name();
                    let Some((at, _)) = schema.find(&name) else {
                        let value = self.value(ANY, cursor.peek(), cursor)?;
                        dict.set_item(cached_py_string(self.py, &name), value)?;
                        continue;
                    };
                    guess.learn(at);
                    at
                }
            };
            let Some(slot) = shape.slots.get(at) else { continue };
            guess = &slot.next;
            let bit = 1 << at;
            let is_first = sent & bit == 0;
            sent |= bit;
            let first = cursor.peek();
            if is_first && usual & bit != 0 {
                if slot.usual.get().is_some_and(|usual| cursor.pass_known(usual)) {
                    continue;
                }
            } else if is_first && changed & bit == 0 {
                if slot.is_declared && first == Some(b'n') {
                    cursor.pass("null".len());
                    continue;
                }
                if slot.is_repeating {
                    shape.learn(self.py, at, slot, cursor)?;
                }
            }
            let value = self.value(slot.kind, first, cursor)?;
            dict.set_item(&slot.key, value)?;
        }
        cursor.pass(1);
        shape.clear(&dict, changed & !sent)?;
        self.leave_out(schema, shape, &dict, sent)?;
        Ok(dict)
    }

    fn leave_out(&self, schema: &Schema, shape: &Shape, dict: &Bound<'py, PyDict>, sent: u64) -> PyResult<()> {
        let Without { unset, defaults, none } = self.without;
        if !(unset || defaults || none) {
            return Ok(());
        }
        let is_null = |key: &Bound<'py, PyAny>| -> PyResult<bool> {
            Ok(dict.get_item(key)?.is_some_and(|value| value.is_none()))
        };
        for (at, (field, slot)) in schema.fields.iter().zip(&shape.slots).enumerate() {
            let key = slot.key.bind(self.py);
            let is_default = defaults && field.standing == Standing::Optional;
            let is_unset = unset && field.is_declared() && sent & 1 << at == 0;
            if is_unset || is_default && is_null(key)? {
                dict.del_item(key)?;
            }
        }
        if none {
            for key in dict.keys() {
                if is_null(&key)? {
                    dict.del_item(key)?;
                }
            }
        }
        Ok(())
    }

    /// The value that the cursor is at, by its first byte.
    #[inline]
    fn value(&mut self, kind: Kind, first: Option<u8>, cursor: &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, Unusual> {
        match (kind, first) {
            (Kind::One(schema), Some(b'{')) => self.dict(schema, cursor).map(Bound::into_any),
            (Kind::Many(schema), Some(b'[')) => self.list(cursor, |reader, item| {
                reader.value(Kind::One(schema), item.peek(), item)
            }),
            (_, Some(b'{' | b'[')) => self.any(cursor),
            _ => match scalar(self.py, first, cursor, &mut self.room) {
                Some(value) => Ok(value),
                None => self.decoded(cursor),
            },
        }
    }

    /// The list or object that the cursor is at, whatever is in it.
    fn any(&mut self, cursor: &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, Unusual> {
        let (start, begun) = (cursor.clone(), self.items.len());
        self.plain(cursor, 0).or_else(|Unusual| {
            *cursor = start;
            self.items.truncate(begun);
            self.decoded(cursor)
        })
    }

    /// The next value as Python's decoder has it.
    #[cold]
    fn decoded(&mut self, cursor: &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, Unusual> {
        self.calm = None;
        decode(self.py, cursor.value()).map_err(|error| {
            self.error = Some(error);
            Unusual
        })
    }

    /// The array that the cursor is at.
    #[inline]
    fn list(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut read: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, Unusual>,
    ) -> Result<Bound<'py, PyAny>, Unusual> {
        let start = self.items.len();
        cursor.pass(1);
        while !matches!(cursor.peek(), Some(b']') | None) {
            let item = read(self, cursor)?;
            self.items.push(item);
        }
        cursor.pass(1);
        Ok(PyList::new(self.py, self.items.drain(start..))?.into_any())
    }

    /// The next value, if nothing in it is unusual.
    #[inline]
    fn plain(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Bound<'py, PyAny>, Unusual> {
        match cursor.peek() {
            Some(b'{') => self.plain_object(cursor, deeper(depth)?),
            Some(b'[') => self.plain_list(cursor, deeper(depth)?),
            first => scalar(self.py, first, cursor, &mut self.room).ok_or(Unusual),
        }
    }

    fn plain_list(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Bound<'py, PyAny>, Unusual> {
        self.list(cursor, |reader, item| reader.plain(item, depth))
    }

    fn plain_object(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Bound<'py, PyAny>, Unusual> {
        let dict = PyDict::new(self.py);
        cursor.pass(1);
        while cursor.is_at(b'"') {
            let name = cursor.name();
            // It may stand for half of a surrogate pair.
            if name.contains(char::REPLACEMENT_CHARACTER) {
                return Err(Unusual);
            }
            let value = self.plain(cursor, depth)?;
            dict.set_item(cached_py_string(self.py, &name), value)?;
        }
        cursor.pass(1);
        Ok(dict.into_any())
    }
}

/// The value that the cursor is at, by its first byte, unless it is a list, an object, or something unusual; passes over
/// it then. `room` is used for strings that have escapes.
#[inline]
pub fn scalar<'py>(
    py: Python<'py>,
    first: Option<u8>,
    cursor: &mut Cursor<'_>,
    room: &mut Vec<u8>,
) -> Option<Bound<'py, PyAny>> {
    let first = first?;
    if first == b'"' {
        return string(py, cursor, room).map(Bound::into_any);
    }
    // In valid JSON the first byte tells which word it is.
    let (value, length) = match first {
        b'{' | b'[' => return None,
        b'n' => (py.None().into_bound(py), "null".len()),
        b't' => (PyBool::new(py, true).to_owned().into_any(), "true".len()),
        b'f' => (PyBool::new(py, false).to_owned().into_any(), "false".len()),
        _ => return number(py, cursor),
    };
    cursor.pass(length);
    Some(value)
}

#[inline]
fn number<'py>(py: Python<'py>, cursor: &mut Cursor<'_>) -> Option<Bound<'py, PyAny>> {
    match cursor.small_integer() {
        Some(number) => Some(PyInt::new(py, number).into_any()),
        None => fraction(py, cursor),
    }
}

fn fraction<'py>(py: Python<'py>, cursor: &mut Cursor<'_>) -> Option<Bound<'py, PyAny>> {
    let mut ahead = cursor.clone();
    let number = ahead.value();
    // Python's integers are as long as they have to be.
    if !number.contains(['.', 'e', 'E']) {
        return None;
    }
    let number = PyFloat::new(py, number.parse().ok()?);
    *cursor = ahead;
    Some(number.into_any())
}

#[inline]
fn string<'py>(py: Python<'py>, cursor: &mut Cursor<'_>, room: &mut Vec<u8>) -> Option<Bound<'py, PyString>> {
    let literal = cursor.string();
    if literal.is_plain {
        return Some(string_as(py, literal.content(), literal.is_ascii()));
    }
    let string = unescaped(py, &literal, room);
    if string.is_none() {
        cursor.back_to(&literal);
    }
    string
}

/// The string of a literal that has escapes.
fn unescaped<'py>(py: Python<'py>, literal: &Literal<'_>, room: &mut Vec<u8>) -> Option<Bound<'py, PyString>> {
    if let Some(text) = without_short_escapes(literal.content(), room) {
        return Some(string_as(py, text, literal.is_ascii()));
    }
    let text: String = serde_json::from_str(literal.text()).ok()?;
    Some(string_of(py, &text))
}

/// A string, which Python need not look through where it is ASCII.
#[must_use]
pub fn string_of<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    string_as(py, text, is_ascii(text.as_bytes()))
}

#[inline]
#[expect(unsafe_code, reason = "nothing else takes a text as ASCII")]
fn string_as<'py>(py: Python<'py>, text: &str, is_ascii: bool) -> Bound<'py, PyString> {
    if is_ascii {
        debug_assert!(text.is_ascii(), "{text}");
        // SAFETY: it is ASCII; all callers have had each of its bytes looked at.
        return unsafe { pystring_ascii_new(py, text) };
    }
    PyString::new(py, text)
}

/// No search for garbage, of which new data has none: before 3.12, Python begins one in the middle of a call, and again for
/// every few hundred lists and dicts. It is made up for when the call has returned.
struct Calm;

impl Calm {
    #[expect(unsafe_code, reason = "the module gc would be imported")]
    fn begin(py: Python<'_>) -> Option<Self> {
        static IS_WANTED: OnceLock<bool> = OnceLock::new();
        let is_wanted = *IS_WANTED.get_or_init(|| py.version_info() < (3, 12));
        // SAFETY: the interpreter is attached.
        (is_wanted && unsafe { ffi::PyGC_Disable() } == 1).then_some(Self)
    }
}

impl Drop for Calm {
    #[expect(unsafe_code, reason = "the module gc would be imported")]
    fn drop(&mut self) {
        // SAFETY: the interpreter has been attached since it began, and no other thread has run.
        unsafe { ffi::PyGC_Enable() };
    }
}

/// What is left to Python's decoder, or went wrong.
struct Unusual;

impl From<PyErr> for Unusual {
    fn from(_: PyErr) -> Self {
        Self
    }
}

fn deeper(depth: usize) -> Result<usize, Unusual> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(Unusual) }
}
