//! `Core`: what both clients are made of. It turns a call's arguments into a request and drives it on either surface.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Method, Url};

use super::arguments::{
    Key, check_proxy, count_of, http_version_of, identity_of, key_of, parse_base_url, text_argument, verify_of, wanted,
};
use super::asyncio::{Awaitable, Pending, Ready, Slot, lock};
use super::background::{Done, Opened, incoming_of, stream_in_background, whole_in_background};
use super::blocking::{drive, wait_for};
use super::errors::{configuration, raise};
use super::incoming::Incoming;
use super::json::is_left_out;
use super::model::schema_of;
use super::payload::{encode_body, mentions_authorization, merge_headers, query_pairs};
use super::reply::{Output, usage_in};
use super::settings::{PyLimits, PyRetryPolicy, PyTimeout, max_retries_of, timeouts_of};
use super::stream::{AsyncStream, Stream, kind_of};
use crate::config::{BaseUrl, KEY_VARIABLES, Limits, Secret, Timeouts, base_url_from_env, key_from_env};
use crate::decode::ACCEPTED;
use crate::error::{Error, Failure};
use crate::exchange::Request;
use crate::reader::Kind;
use crate::retry::RetryPolicy;
use crate::session::Session;
use crate::stream::EventStream;
use crate::transport::TransportConfig;
use crate::usage::Totals;

/// Who asks.
const AGENT: &str = concat!("tokstream/", env!("CARGO_PKG_VERSION"));

/// What can be changed on a living client.
#[derive(Clone)]
struct Settings {
    base_url: BaseUrl,
    timeouts: Timeouts,
    retry: RetryPolicy,
    limits: PyLimits,
    headers: HeaderMap,
    query: Vec<(String, String)>,
}

/// What both clients are made of.
#[pyclass(frozen, module = "tokstream._tokstream")]
pub struct Core {
    asynchronous: bool,
    session: Arc<Session>,
    transport: TransportConfig,
    key: Mutex<Key>,
    settings: Mutex<Arc<Settings>>,
    totals: Arc<Totals>,
}

/// One call's own say, beside the client's settings.
#[derive(FromPyObject)]
struct Options<'py> {
    #[pyo3(item)]
    headers: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    query: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    extra_body: Option<Bound<'py, PyAny>>,
    #[pyo3(item)]
    timeout: Bound<'py, PyAny>,
    #[pyo3(item)]
    max_retries: Bound<'py, PyAny>,
    #[pyo3(item)]
    api_key: Option<String>,
    /// Whether the route is refused without a key.
    #[pyo3(item)]
    needs_key: bool,
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (*, asynchronous, base_url, api_key, timeout, max_retries, retry, limits, headers, query, proxy, verify, cert, http2, share))]
    #[expect(clippy::too_many_arguments, reason = "the clients' own arguments, each once")]
    fn new(
        py: Python<'_>,
        asynchronous: bool,
        base_url: Option<&Bound<'_, PyAny>>,
        api_key: Option<&Bound<'_, PyAny>>,
        timeout: &Bound<'_, PyAny>,
        max_retries: &Bound<'_, PyAny>,
        retry: Option<&Bound<'_, PyAny>>,
        limits: Option<&Bound<'_, PyAny>>,
        headers: Option<&Bound<'_, PyAny>>,
        query: Option<&Bound<'_, PyAny>>,
        proxy: Option<&Bound<'_, PyAny>>,
        verify: &Bound<'_, PyAny>,
        cert: Option<&Bound<'_, PyAny>>,
        http2: Option<&Bound<'_, PyAny>>,
        share: Option<&Bound<'_, Self>>,
    ) -> PyResult<Self> {
        let base_url = match base_url {
            Some(given) => parse_base_url(given)?,
            None => BaseUrl::parse(&base_url_from_env()).map_err(|e| configuration(py, &e.to_string()))?,
        };
        let transport = TransportConfig {
            proxy: proxy
                .map(|url| text_argument(url, "proxy"))
                .transpose()?
                .map(check_proxy(py))
                .transpose()?,
            verify: verify_of(verify)?,
            identity: cert.map(identity_of).transpose()?,
            http: http_version_of(http2)?,
        };
        let mut policy = match retry {
            Some(policy) => wanted::<PyRetryPolicy>(policy, "retry", "RetryPolicy")?.0.clone(),
            None => RetryPolicy::default(),
        };
        if let Some(count) = count_of(max_retries)? {
            policy.max_retries = count;
        }
        let limits = match limits {
            Some(limits) => wanted::<PyLimits>(limits, "limits", "Limits")?.clone(),
            None => PyLimits::from(Limits::default()),
        };
        let settings = Settings {
            timeouts: timeouts_of(timeout, &Timeouts::default())?,
            retry: policy,
            limits,
            headers: {
                let mut all = HeaderMap::new();
                merge_headers(&mut all, headers)?;
                all
            },
            query: query
                .map(|query| query_pairs(query, "default_query"))
                .transpose()?
                .unwrap_or_default(),
            base_url,
        };
        let shared = share.map(Bound::get).filter(|other| {
            other.transport == transport && lock(&other.settings).base_url.is_tls() == settings.base_url.is_tls()
        });
        let session = match shared {
            Some(other) => Arc::clone(&other.session),
            None => Arc::new(Session::new(transport.clone(), settings.base_url.is_tls())),
        };
        Ok(Self {
            asynchronous,
            session,
            transport,
            key: Mutex::new(match (api_key, share) {
                (Some(mark), Some(other)) if is_left_out(mark)? => lock(&other.get().key).clone_for(py),
                _ => key_of(api_key)?,
            }),
            settings: Mutex::new(Arc::new(settings)),
            totals: share.map_or_else(Arc::default, |other| Arc::clone(&other.get().totals)),
        })
    }

    /// The base URL, without a slash at its end.
    #[getter]
    fn base_url(&self) -> String {
        lock(&self.settings).base_url.as_str().to_owned()
    }

    #[setter]
    fn set_base_url(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let base_url = parse_base_url(value)?;
        if base_url.is_tls() != lock(&self.settings).base_url.is_tls() {
            return Err(configuration(
                py,
                "base_url cannot change between http and https on a living client; use with_options(base_url=…)",
            ));
        }
        self.change(|settings| settings.base_url = base_url);
        Ok(())
    }

    /// The key: the one given, or the environment's; a callable as it is.
    #[getter]
    fn api_key(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let text = |key: &Secret| PyString::new(py, key.expose()).into_any().unbind();
        match &*lock(&self.key) {
            Key::Given(key) => Some(text(key)),
            Key::Callable(callable) => Some(callable.clone_ref(py)),
            Key::Environment => key_from_env().as_ref().map(text),
        }
    }

    #[setter]
    fn set_api_key(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let key = key_of(value)?;
        let before = std::mem::replace(&mut *lock(&self.key), key);
        drop(before);
        Ok(())
    }

    #[getter]
    fn timeout(&self) -> PyTimeout {
        PyTimeout(lock(&self.settings).timeouts)
    }

    #[setter]
    fn set_timeout(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let timeouts = timeouts_of(value, &Timeouts::default())?;
        self.change(|settings| settings.timeouts = timeouts);
        Ok(())
    }

    #[getter]
    fn max_retries(&self) -> u32 {
        lock(&self.settings).retry.max_retries
    }

    #[setter]
    fn set_max_retries(&self, py: Python<'_>, value: i64) -> PyResult<()> {
        let count = max_retries_of(py, value)?;
        self.change(|settings| settings.retry.max_retries = count);
        Ok(())
    }

    #[getter]
    fn retry(&self) -> PyRetryPolicy {
        PyRetryPolicy(lock(&self.settings).retry.clone())
    }

    #[getter]
    fn limits(&self) -> PyLimits {
        lock(&self.settings).limits.clone()
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.session.close());
    }

    /// The key's function may be a method of an object that holds the client.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A key that is being set right now is looked at the next time.
        match self.key.try_lock().as_deref() {
            Ok(Key::Callable(callable)) => visit.call(callable),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        let before = std::mem::replace(&mut *lock(&self.key), Key::Environment);
        drop(before);
    }

    /// Adds what a reply says that was read as bytes; its request has been counted.
    fn count(&self, body: &[u8]) {
        self.totals.add_usage(usage_in(body));
    }

    /// (requests, prompt tokens, completion tokens, total tokens, cost in USD) of all calls so far.
    fn totals(&self) -> (u64, u64, u64, u64, f64) {
        let now = self.totals.snapshot();
        (
            now.requests,
            now.prompt_tokens,
            now.completion_tokens,
            now.total_tokens,
            now.estimated_cost,
        )
    }

    /// Sends a request whose reply is read whole; returns what becomes of it, or an awaitable of that.
    fn send<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        path: &str,
        body: Option<&Bound<'py, PyAny>>,
        output: Option<&Bound<'py, PyAny>>,
        options: &Bound<'py, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let request = match self.request(method, path, body, options, "application/json") {
            Ok(request) => request,
            Err(error) => return self.refuse(py, error),
        };
        let output = match output {
            None => Output::Json,
            Some(class) => match class.cast::<PyType>() {
                Ok(class) => Output::Model(schema_of(class)?),
                Err(_) => Output::Raw,
            },
        };
        if self.asynchronous {
            self.whole_awaited(py, request, output)
        } else {
            self.whole_blocking(py, request, &output)
        }
    }

    /// Sends a request whose reply is a stream of `kind`; returns the stream, or an awaitable of it.
    fn open<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        path: &str,
        body: Option<&Bound<'py, PyAny>>,
        kind: &str,
        options: &Bound<'py, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let kind = kind_of(kind)?;
        let accept = if kind == Kind::Bytes {
            "application/json"
        } else {
            "text/event-stream"
        };
        let request = match self.request(method, path, body, options, accept) {
            Ok(request) => request,
            Err(error) => return self.refuse(py, error),
        };
        if self.asynchronous {
            self.stream_awaited(py, request, kind)
        } else {
            self.stream_blocking(py, request, kind)
        }
    }
}

impl Core {
    /// The error of a call that cannot be made: now, or when it is awaited.
    fn refuse(&self, py: Python<'_>, error: PyErr) -> PyResult<Py<PyAny>> {
        if self.asynchronous {
            failed(py, error)
        } else {
            Err(error)
        }
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = lock(&self.settings);
        change(Arc::make_mut(&mut settings));
    }

    fn whole_blocking(&self, py: Python<'_>, request: Arc<Request>, output: &Output) -> PyResult<Py<PyAny>> {
        if self.session.multiplexes() {
            let slot = Slot::new();
            let task = py
                .detach(|| whole_in_background(&self.session, Arc::clone(&request), Arc::clone(&slot)))
                .map_err(|e| raise(py, e.into(), Some(&request), None))?;
            let done = wait_for(py, |waiter| slot.take(Some(waiter))).inspect_err(|_| task.abort())?;
            return done.finish(py, request, output, &self.totals);
        }
        let lane = py
            .detach(|| self.session.lane())
            .map_err(|e| raise(py, e.into(), Some(&request), None))?;
        let call = self.session.lane_call(&lane, Arc::clone(&request));
        let (progress, began) = (call.progress(), call.began());
        let Some(result) = drive(py, &lane, &self.session.stop(), call.whole())? else {
            return Err(raise(py, Error::Closed.into(), Some(&request), None));
        };
        drop(call);
        // After a timeout or a broken connection the lane goes, and its sockets with it.
        if matches!(
            &result,
            Ok(_)
                | Err(Failure {
                    error: Error::Status { .. },
                    ..
                })
        ) {
            py.detach(|| self.session.give_back(lane));
        }
        let done = Done {
            result,
            progress,
            began,
        };
        done.finish(py, request, output, &self.totals)
    }

    fn whole_awaited(&self, py: Python<'_>, request: Arc<Request>, output: Output) -> PyResult<Py<PyAny>> {
        let session = Arc::clone(&self.session);
        let totals = Arc::clone(&self.totals);
        let sent = Arc::clone(&request);
        let start = move |py: Python<'_>, slot| {
            py.detach(|| whole_in_background(&session, Arc::clone(&sent), slot))
                .map_err(|e| raise(py, e.into(), Some(&sent), None))
        };
        let finish = move |py: Python<'_>, done: Done| done.finish(py, Arc::clone(&request), &output, &totals);
        Ok(Py::new(py, Awaitable::new(Pending::new(Box::new(start), Box::new(finish))))?.into_any())
    }

    fn stream_blocking(&self, py: Python<'_>, request: Arc<Request>, kind: Kind) -> PyResult<Py<PyAny>> {
        if self.session.multiplexes() {
            let slot = Slot::new();
            let task = py
                .detach(|| stream_in_background(&self.session, Arc::clone(&request), kind, Arc::clone(&slot)))
                .map_err(|e| raise(py, e.into(), Some(&request), None))?;
            let opened = wait_for(py, |waiter| slot.take(Some(waiter))).inspect_err(|_| task.abort())?;
            let (incoming, feed) = incoming_of(py, opened, request, kind, Arc::clone(&self.totals))?;
            return Ok(Py::new(py, Stream::shared(incoming, feed, Arc::clone(&self.session)))?.into_any());
        }
        let lane = py
            .detach(|| self.session.lane())
            .map_err(|e| raise(py, e.into(), Some(&request), None))?;
        let call = self.session.lane_call(&lane, Arc::clone(&request));
        let progress = call.progress();
        let Some(opened) = drive(
            py,
            &lane,
            &self.session.stop(),
            EventStream::open(call, kind == Kind::Bytes),
        )?
        else {
            return Err(raise(py, Error::Closed.into(), Some(&request), None));
        };
        let events = match opened {
            Ok(events) => events,
            Err(failure) => {
                if matches!(failure.error, Error::Status { .. }) {
                    py.detach(|| self.session.give_back(lane));
                }
                return Err(raise(py, failure, Some(&request), None));
            }
        };
        let head = Arc::clone(events.head());
        let incoming = Incoming::new(kind, head, events.marks(), request, progress, Arc::clone(&self.totals));
        let session = Arc::clone(&self.session);
        Ok(Py::new(py, Stream::on_lane(incoming, lane, events, session))?.into_any())
    }

    fn stream_awaited(&self, py: Python<'_>, request: Arc<Request>, kind: Kind) -> PyResult<Py<PyAny>> {
        let session = Arc::clone(&self.session);
        let totals = Arc::clone(&self.totals);
        let sent = Arc::clone(&request);
        let start = move |py: Python<'_>, slot| {
            py.detach(|| stream_in_background(&session, Arc::clone(&sent), kind, slot))
                .map_err(|e| raise(py, e.into(), Some(&sent), None))
        };
        let finish = move |py: Python<'_>, opened: Result<Opened, Failure>| {
            let (incoming, feed) = incoming_of(py, opened, Arc::clone(&request), kind, Arc::clone(&totals))?;
            Ok(Py::new(py, AsyncStream::new(incoming, feed))?.into_any())
        };
        Ok(Py::new(py, Awaitable::new(Pending::new(Box::new(start), Box::new(finish))))?.into_any())
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Bound<'_, PyAny>>,
        options: &Bound<'_, PyAny>,
        accept: &'static str,
    ) -> PyResult<Arc<Request>> {
        let py = options.py();
        let options = &options.extract::<Options<'_>>()?;
        if self.session.is_closed() {
            return Err(raise(py, Error::Closed.into(), None, None));
        }
        let settings = Arc::clone(&lock(&self.settings));
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("no HTTP method: {method:?}")))?;
        let url = Self::url(py, &settings, path, options)?;
        let (body, content_type) = encode_body(body, options.extra_body.as_ref())?;
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in &settings.headers {
            headers.insert(name, value.clone());
        }
        let own_authorization = headers.contains_key(AUTHORIZATION);
        merge_headers(&mut headers, options.headers.as_ref())?;
        if !own_authorization && !mentions_authorization(options.headers.as_ref())? {
            let key = self.key(py, options.api_key.as_deref())?;
            if let Some(key) = key {
                headers.insert(
                    AUTHORIZATION,
                    key.bearer().map_err(|e| configuration(py, &e.to_string()))?,
                );
            } else if options.needs_key && !settings.base_url.is_loopback() {
                return Err(configuration(
                    py,
                    &format!(
                        "No API key for {}: pass api_key=…, or set one of the environment variables {}",
                        settings.base_url.redacted(),
                        KEY_VARIABLES.join(", ")
                    ),
                ));
            }
        }
        let mut retry = settings.retry.clone();
        if let Some(count) = count_of(&options.max_retries)? {
            retry.max_retries = count;
        }
        Ok(Arc::new(Request {
            method,
            url,
            headers,
            body,
            timeouts: timeouts_of(&options.timeout, &settings.timeouts)?,
            limits: settings.limits.limits(),
            retry,
        }))
    }

    fn url(py: Python<'_>, settings: &Settings, path: &str, options: &Options<'_>) -> PyResult<Url> {
        let mut query = settings.query.clone();
        if let Some(extra) = &options.query {
            let extra = query_pairs(extra, "extra_query")?;
            query.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
            query.extend(extra);
        }
        settings
            .base_url
            .join(path, &query)
            .map_err(|e| configuration(py, &e.to_string()))
    }

    fn key(&self, py: Python<'_>, given: Option<&str>) -> PyResult<Option<Secret>> {
        if let Some(key) = given {
            return Ok(Some(Secret::new(key.to_owned())));
        }
        let callable = match &*lock(&self.key) {
            Key::Environment => return Ok(key_from_env()),
            Key::Given(key) => return Ok(Some(key.clone())),
            Key::Callable(callable) => callable.clone_ref(py),
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
        match key_of(Some(text.as_any()))? {
            Key::Given(key) => Ok(Some(key)),
            _ => Ok(None),
        }
    }
}

/// An awaitable that raises `error`.
///
/// # Errors
/// Where Python has no memory for it.
pub fn failed(py: Python<'_>, error: PyErr) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, Ready::awaitable(Err(error)))?.into_any())
}

/// An awaitable that raises the exception that it is given.
#[pyfunction]
#[pyo3(name = "_failed")]
pub fn failed_with(py: Python<'_>, error: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    failed(py, PyErr::from_value(error))
}
