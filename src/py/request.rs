//! A call's arguments as a request.

use std::io::Read;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::GzEncoder;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT,
};
use reqwest::{Method, Url};

use super::arguments::{Key, count_of, key_of};
use super::client::{Core, Settings};
use super::errors::{configuration, raise};
use super::payload::{change_headers, encode_body, header_changes, query_pairs};
use super::settings::timeouts_of;
use crate::config::{KEY_VARIABLES, Secret, key_from_env};
use crate::decode::ACCEPTED;
use crate::error::Error;
use crate::exchange::Request;
use crate::ledger::Account;
use crate::lock::lock;
use crate::py::once::intern;

/// Who asks.
const AGENT: &str = concat!("tokstream/", env!("CARGO_PKG_VERSION"));

/// What is asked of a server.
pub(super) struct Asked<'a, 'py> {
    pub(super) method: &'a str,
    /// The route below the base URL.
    pub(super) path: &'a str,
    /// It is sent as JSON; bytes are sent as they are.
    pub(super) body: Option<&'a Bound<'py, PyAny>>,
    /// The key of this call, where it is not the client's own.
    pub(super) api_key: Option<&'a Bound<'py, PyAny>>,
    pub(super) options: &'a Options<'py>,
}

/// One call's own say, beside the client's settings.
pub(super) struct Options<'py> {
    headers: Option<Bound<'py, PyAny>>,
    query: Option<Bound<'py, PyAny>>,
    extra_body: Option<Bound<'py, PyAny>>,
    timeout: Bound<'py, PyAny>,
    max_retries: Option<Bound<'py, PyAny>>,
    /// Whether the route is refused without a key.
    needs_key: bool,
}

impl<'py> Options<'py> {
    /// Those of a tuple, which has them in this order: to look them up by name in each call takes longer.
    pub(super) fn of(given: &Bound<'py, PyTuple>) -> PyResult<Self> {
        let (headers, query, extra_body, timeout, max_retries, needs_key) = given.extract()?;
        let call = Self::of_a_call(headers, query, extra_body, timeout);
        Ok(Self {
            max_retries: Some(max_retries),
            needs_key,
            ..call
        })
    }

    /// Those of a call that can say no more.
    pub(super) fn of_a_call(
        headers: Option<Bound<'py, PyAny>>,
        query: Option<Bound<'py, PyAny>>,
        extra_body: Option<Bound<'py, PyAny>>,
        timeout: Bound<'py, PyAny>,
    ) -> Self {
        Self {
            headers,
            query,
            extra_body,
            timeout,
            max_retries: None,
            needs_key: true,
        }
    }
}

/// The latest headers but for what a call said itself, and what they were made of; a copy is empty, since it is made to be
/// changed.
#[derive(Debug, Default)]
pub(super) struct LastHeaders(Mutex<Option<(Own, Arc<HeaderMap>)>>);

/// What a request's headers are made of beside the client's settings.
#[derive(Debug, PartialEq, Eq)]
struct Own {
    accept: &'static str,
    content_type: Option<&'static str>,
    authorization: Option<HeaderValue>,
}

impl Clone for LastHeaders {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl LastHeaders {
    /// Forgets them, and with them the key.
    pub(super) fn forget(&self) {
        lock(&self.0).take();
    }

    /// Those that are made of this, by `make` where it is not what the last were made of.
    fn of(&self, own: Own, make: impl FnOnce(&Own) -> HeaderMap) -> Arc<HeaderMap> {
        let mut last = lock(&self.0);
        match &*last {
            Some((its, headers)) if *its == own => Arc::clone(headers),
            _ => {
                let headers = Arc::new(make(&own));
                *last = Some((own, Arc::clone(&headers)));
                headers
            }
        }
    }
}

/// The same in gzip's format, at the speed that a fast connection wants.
fn compressed(plain: &[u8]) -> Bytes {
    let mut packed = Vec::with_capacity(plain.len() / 4);
    let mut encoder = GzEncoder::new(plain, Compression::fast());
    // Reading from memory and writing to it do not fail.
    drop(encoder.read_to_end(&mut packed));
    Bytes::from(packed)
}

impl Core {
    /// The request that these arguments make, and its place in the ledger.
    ///
    /// # Errors
    /// `ConfigurationError` and the usual ones of bad arguments; what a key's function raises.
    pub(super) fn request(
        &self,
        py: Python<'_>,
        asked: &Asked<'_, '_>,
        accept: &'static str,
    ) -> PyResult<(Arc<Request>, Arc<Account>)> {
        let options = asked.options;
        if self.session.is_closed() {
            return Err(raise(py, Error::Closed.into(), None, None));
        }
        let settings = Arc::clone(&lock(&self.settings));
        let method = Method::from_bytes(asked.method.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("no HTTP method: {:?}", asked.method)))?;
        let url = Self::url(py, &settings, asked.path, options)?;
        let (body, content_type) = encode_body(asked.body, options.extra_body.as_ref())?;
        let mut headers = self.headers(py, &settings, asked, accept, body.is_some().then_some(content_type))?;
        let account = Account::new(Arc::clone(&self.ledger), settings.max_cost, body.as_deref());
        let body = match (body, settings.compress_above) {
            (Some(plain), Some(above)) if plain.len() > above && !headers.contains_key(CONTENT_ENCODING) => {
                Arc::make_mut(&mut headers).insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Some(py.detach(|| compressed(&plain)))
            }
            (body, _) => body,
        };
        let mut retry = settings.retry.clone();
        if let Some(count) = options.max_retries.as_ref().map(count_of).transpose()?.flatten() {
            retry.max_retries = count;
        }
        let request = Request {
            method,
            url,
            headers,
            body,
            timeouts: timeouts_of(&options.timeout, &settings.timeouts)?,
            limits: settings.limits.limits(),
            retry,
        };
        Ok((Arc::new(request), Arc::new(account)))
    }

    /// All headers of a request. What comes later counts: what every request has, the client's settings, the call's own.
    fn headers(
        &self,
        py: Python<'_>,
        settings: &Settings,
        asked: &Asked<'_, '_>,
        accept: &'static str,
        content_type: Option<&'static str>,
    ) -> PyResult<Arc<HeaderMap>> {
        // Bad ones are refused before a key is asked for.
        let changes = header_changes(asked.options.headers.as_ref())?;
        let is_settled =
            settings.headers.contains_key(AUTHORIZATION) || changes.iter().any(|(name, _)| name == AUTHORIZATION);
        let authorization = if is_settled {
            None
        } else {
            self.bearer(py, asked.api_key)?
        };
        if !is_settled && authorization.is_none() && asked.options.needs_key && !settings.base_url.is_loopback() {
            return Err(configuration(
                py,
                &format!(
                    "No API key for {}: pass api_key=…, or set one of the environment variables {}",
                    settings.base_url.redacted(),
                    KEY_VARIABLES.join(", ")
                ),
            ));
        }
        let own = Own {
            accept,
            content_type,
            authorization,
        };
        let mut headers = settings.last_headers.of(own, |own| {
            let mut headers = HeaderMap::with_capacity(8);
            headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
            headers.insert(ACCEPT, HeaderValue::from_static(own.accept));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
            if let Some(content_type) = own.content_type {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            for (name, value) in &settings.headers {
                headers.insert(name, value.clone());
            }
            if let Some(bearer) = &own.authorization {
                headers.insert(AUTHORIZATION, bearer.clone());
            }
            headers
        });
        if !changes.is_empty() {
            change_headers(Arc::make_mut(&mut headers), changes);
        }
        Ok(headers)
    }

    fn url(py: Python<'_>, settings: &Settings, path: &str, options: &Options<'_>) -> PyResult<Url> {
        let base = &settings.base_url;
        let url = match &options.query {
            None => settings.last_url.of(path, || base.join(path, &settings.query)),
            Some(extra) => {
                let mut query = settings.query.clone();
                let extra = query_pairs(extra, "extra_query")?;
                query.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
                query.extend(extra);
                base.join(path, &query)
            }
        };
        url.map_err(|e| configuration(py, &e.to_string()))
    }

    /// The `Authorization` header's value, made of the key that was given for this call or of the client's own.
    fn bearer(&self, py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<HeaderValue>> {
        if given.is_some() {
            return bearer_of(py, given);
        }
        // An error is made when the lock is open again: that runs Python code.
        let own = match &*lock(&self.key) {
            Key::Environment => Ok(key_from_env().as_ref().map(Secret::bearer)),
            Key::Given(key) => Ok(Some(key.bearer())),
            Key::Callable(callable) => Err(callable.clone_ref(py)),
        };
        let callable = match own {
            Ok(bearer) => return usable(py, bearer),
            Err(callable) => callable,
        };
        let key = callable.bind(py).call0()?;
        let Ok(text) = key.cast::<PyString>() else {
            let what = if key.hasattr(intern!(py, "__await__"))? {
                // It is not going to be awaited.
                key.call_method0(intern!(py, "close")).map_or_else(drop, drop);
                "an awaitable: AsyncClient awaits those".to_owned()
            } else {
                format!("{}, not a string", key.get_type().name()?)
            };
            return Err(configuration(py, &format!("api_key was called and returned {what}")));
        };
        bearer_of(py, Some(text.as_any()))
    }
}

/// The header's value for a key that a program gave; `None` where it is empty.
fn bearer_of(py: Python<'_>, key: Option<&Bound<'_, PyAny>>) -> PyResult<Option<HeaderValue>> {
    match key_of(key)? {
        Key::Given(key) => usable(py, Some(key.bearer())),
        _ => Ok(None),
    }
}

/// What was made of a key, if a header can have it.
fn usable(py: Python<'_>, bearer: Option<Result<HeaderValue, Error>>) -> PyResult<Option<HeaderValue>> {
    bearer.transpose().map_err(|e| configuration(py, &e.to_string()))
}
