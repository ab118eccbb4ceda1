//! Keys taken out of what is shown of a request and of its reply.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use reqwest::Url;

use crate::config::is_secret;
use crate::exchange::Request;

/// Hides a request's keys in whatever is shown of it: servers repeat the keys that they refuse.
#[pyclass(frozen, module = "tokstream._tokstream")]
pub struct Hider(Vec<String>);

/// Shorter ones are no keys, and hiding them would tear other words apart.
const SHORTEST_KEY: usize = 6;
const HIDDEN: &str = "[redacted]";
impl Hider {
    /// What hides the keys of this request.
    #[must_use]
    pub fn of(request: Option<&Request>) -> Self {
        let mut forms = Vec::new();
        let headers = request.iter().flat_map(|request| request.headers.iter());
        let headers = headers.filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            match name.as_str() {
                "authorization" | "proxy-authorization" => Some(value.split_once(' ').map_or(value, |(_, key)| key)),
                name => is_secret(name).then_some(value),
            }
        });
        let query = request.iter().flat_map(|request| request.url.query_pairs());
        let query = query.filter_map(|(name, value)| is_secret(&name).then(|| value.into_owned()));
        for key in headers.map(str::to_owned).chain(query) {
            if key.len() < SHORTEST_KEY {
                continue;
            }
            // As it is, as JSON of PHP has it, and as in a query.
            let quoted: String = Url::parse_with_params("x:", [("", &key)]).map_or_else(
                |_| String::new(),
                |url| url.query().unwrap_or_default().trim_start_matches('=').to_owned(),
            );
            for form in [key.replace('/', "\\/"), quoted.replace('+', "%20"), quoted, key] {
                if form.len() >= SHORTEST_KEY && !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        Self(forms)
    }

    fn is_in(&self, text: &str) -> bool {
        self.0.iter().any(|form| text.contains(form.as_str()))
    }

    /// The text without the keys.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.is_in(text) {
            return Cow::Borrowed(text);
        }
        let hide = |text: String, form: &String| text.replace(form.as_str(), HIDDEN);
        Cow::Owned(self.0.iter().fold(text.to_owned(), hide))
    }

    /// The bytes without the keys.
    #[must_use]
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match String::from_utf8_lossy(bytes) {
            text if self.is_in(&text) => Cow::Owned(self.text(&text).into_owned().into_bytes()),
            _ => Cow::Borrowed(bytes),
        }
    }

    /// The text without the keys, if there is one.
    #[must_use]
    pub fn optional(&self, text: Option<String>) -> Option<String> {
        text.map(|text| self.text(&text).into_owned())
    }

    /// Decoded JSON without the keys: escapes may have hidden them until now. `None` where there are none.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub fn value<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = value.py();
        if let Ok(text) = value.cast::<PyString>() {
            let text = text.to_string_lossy();
            return Ok(self
                .is_in(&text)
                .then(|| PyString::new(py, &self.text(&text)).into_any()));
        }
        if let Ok(list) = value.cast::<PyList>() {
            let mut hidden = None;
            for (at, item) in list.iter().enumerate() {
                if let Some(item) = self.value(&item)? {
                    let copy = hidden.get_or_insert_with(|| list.as_sequence().to_list());
                    copy.as_ref().map_err(|e| e.clone_ref(py))?.set_item(at, item)?;
                }
            }
            return Ok(hidden.transpose()?.map(Bound::into_any));
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            let mut hidden = None;
            for (name, item) in dict {
                let (new_name, new_item) = (self.value(&name)?, self.value(&item)?);
                if new_name.is_none() && new_item.is_none() {
                    continue;
                }
                let copy = hidden.get_or_insert_with(|| dict.copy());
                let copy = copy.as_ref().map_err(|e| e.clone_ref(py))?;
                copy.del_item(&name)?;
                copy.set_item(new_name.unwrap_or(name), new_item.unwrap_or(item))?;
            }
            return Ok(hidden.transpose()?.map(Bound::into_any));
        }
        Ok(None)
    }
}

#[pymethods]
impl Hider {
    /// Text, bytes or decoded JSON without the keys.
    fn hide<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(PyBytes::new(value.py(), &self.bytes(bytes.as_bytes())).into_any());
        }
        Ok(self.value(value)?.unwrap_or_else(|| value.clone()))
    }
}
