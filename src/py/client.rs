//! `Core`: what both clients are made of. It turns a call's arguments into a request and drives it on either surface.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Url};
use tokio::task::AbortHandle;

use super::asyncio::{Awaitable, Pending, Slot, lock};
use super::blocking::{Stop, drive};
use super::errors::{configuration, raise, response};
use super::incoming::Incoming;
use super::json::{Encoder, decode, is_left_out};
use super::model::{BaseModel, Schema, schema_of};
use super::settings::{PyLimits, PyRetryPolicy, PyTimeout, max_retries_of, timeouts_of};
use super::stream::{AsyncStream, Feed, Stream, kind_of};
use crate::config::{BaseUrl, KEY_VARIABLES, Limits, Secret, Timeouts, base_url_from_env, key_from_env};
use crate::error::{Error, Failure, Head};
use crate::exchange::{Progress, Reply, Request};
use crate::json::members;
use crate::reader::Kind;
use crate::retry::RetryPolicy;
use crate::session::Session;
use crate::stream::{EventStream, Marks};
use crate::transport::{HttpVersion, TransportConfig, Verify};
use crate::usage::Totals;

/// Who asks.
const AGENT: &str = concat!("tokstream/", env!("CARGO_PKG_VERSION"));

/// Where the key comes from.
enum Key {
    /// The environment, read when a request first needs it.
    Environment,
    /// The caller's own.
    Given(Secret),
    /// A function that is asked at each request.
    Callable(Py<PyAny>),
}

impl Key {
    fn clone_for(&self, py: Python<'_>) -> Self {
        match self {
            Self::Environment => Self::Environment,
            Self::Given(key) => Self::Given(key.clone()),
            Self::Callable(callable) => Self::Callable(callable.clone_ref(py)),
        }
    }
}

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
    session: Arc<Session>,
    transport: TransportConfig,
    key: Mutex<Key>,
    settings: Mutex<Arc<Settings>>,
    totals: Arc<Totals>,
}

/// What becomes of a whole reply.
#[derive(Clone)]
enum Output {
    /// An object of a response class.
    Model(&'static Schema),
    /// Plain data.
    Json,
    /// The reply as it is: (response, retries, seconds).
    Raw,
}

impl Output {
    fn of(py: Python<'_>, reply: Reply, made: &Made, output: &Self, totals: &Totals) -> PyResult<Py<PyAny>> {
        let Reply { head, body } = reply;
        match output {
            Self::Raw => {
                totals.add(usage_of(&body));
                let record = response(py, &made.request, &head, &body)?;
                let seconds = made.began.elapsed().as_secs_f64();
                Ok((record, made.progress.retries(), seconds)
                    .into_pyobject(py)?
                    .into_any()
                    .unbind())
            }
            Self::Json => {
                totals.add(usage_of(&body));
                if body.is_empty() {
                    return Ok(py.None());
                }
                let text = std::str::from_utf8(&body);
                let decoded = text.ok().map(|text| decode(py, text));
                match decoded {
                    Some(Ok(value)) => Ok(value.unbind()),
                    _ => Err(made.invalid(py, "The reply is not JSON", head, body)),
                }
            }
            Self::Model(schema) => {
                let split = std::str::from_utf8(&body).ok().map(members);
                let Some(Ok(members)) = split else {
                    let kind = head.header("content-type").unwrap_or("none");
                    let detail = format!(
                        "The reply is not a JSON object (status {}, content type: {kind})",
                        head.status
                    );
                    return Err(made.invalid(py, &detail, head, body));
                };
                let choices_or_data = members.iter().any(|(name, _)| name != "error" && name != "detail");
                if !choices_or_data {
                    if let Some(said) = crate::api_error::ErrorBody::in_stream(&body) {
                        let error = Error::InStream {
                            body: said,
                            raw: body.clone(),
                        };
                        return Err(made.failure(py, error, head));
                    }
                }
                let usage = members
                    .iter()
                    .rev()
                    .find(|(name, _)| name == "usage")
                    .map(|(_, value)| value.get());
                totals.add(usage);
                let request_id = head.header("x-request-id").map(Arc::from);
                BaseModel::new(schema, body.clone())
                    .with_request_id(request_id)
                    .wrap(py)
            }
        }
    }
}

fn usage_of(body: &Bytes) -> Option<&str> {
    let members = members(std::str::from_utf8(body).ok()?).ok()?;
    members
        .into_iter()
        .rev()
        .find(|(name, _)| name == "usage")
        .map(|(_, value)| value.get())
}

/// A request that has been made, and what it took.
struct Made {
    request: Arc<Request>,
    progress: Arc<Progress>,
    began: tokio::time::Instant,
}

impl Made {
    fn failure(&self, py: Python<'_>, error: Error, head: Arc<Head>) -> PyErr {
        let failure = Failure {
            error,
            head: Some(head),
            retries: self.progress.retries(),
        };
        raise(py, failure, Some(&self.request), None)
    }

    fn invalid(&self, py: Python<'_>, detail: &str, head: Arc<Head>, raw: Bytes) -> PyErr {
        self.failure(
            py,
            Error::Validation {
                detail: detail.to_owned(),
                raw,
            },
            head,
        )
    }
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
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (*, base_url, api_key, timeout, max_retries, retry, limits, headers, query, proxy, verify, cert, http2, share))]
    #[expect(clippy::too_many_arguments, reason = "the clients' own arguments, each once")]
    fn new(
        py: Python<'_>,
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
        share: Option<&Bound<'_, Core>>,
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
        asynchronous: bool,
        method: &str,
        path: &str,
        body: Option<&Bound<'py, PyAny>>,
        output: Option<&Bound<'py, PyAny>>,
        options: Options<'py>,
    ) -> PyResult<Py<PyAny>> {
        let request = self.request(py, method, path, body, &options, "application/json")?;
        let output = match output {
            None => Output::Json,
            Some(class) => match class.cast::<PyType>() {
                Ok(class) => Output::Model(schema_of(class)?),
                Err(_) => Output::Raw,
            },
        };
        if asynchronous {
            self.whole_awaited(py, request, output)
        } else {
            self.whole_blocking(py, request, &output)
        }
    }

    /// Sends a request whose reply is a stream of `kind`; returns the stream, or an awaitable of it.
    fn open<'py>(
        &self,
        py: Python<'py>,
        asynchronous: bool,
        method: &str,
        path: &str,
        body: Option<&Bound<'py, PyAny>>,
        kind: &str,
        options: Options<'py>,
    ) -> PyResult<Py<PyAny>> {
        let kind = kind_of(kind)?;
        let accept = if kind == Kind::Bytes {
            "application/json"
        } else {
            "text/event-stream"
        };
        let request = self.request(py, method, path, body, &options, accept)?;
        if asynchronous {
            self.stream_awaited(py, request, kind)
        } else {
            self.stream_blocking(py, request, kind)
        }
    }
}

impl Core {
    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = lock(&self.settings);
        change(Arc::make_mut(&mut settings));
    }

    fn whole_blocking(&self, py: Python<'_>, request: Arc<Request>, output: &Output) -> PyResult<Py<PyAny>> {
        let lane = py
            .detach(|| self.session.lane())
            .map_err(|e| raise(py, e.into(), Some(&request), None))?;
        let call = self.session.lane_call(&lane, Arc::clone(&request));
        let made = Made {
            request,
            progress: call.progress(),
            began: call.began(),
        };
        let Some(done) = drive(py, &lane, &Stop::default(), call.whole())? else {
            return Err(raise(py, Error::Closed.into(), Some(&made.request), None));
        };
        drop(call);
        // After a timeout or a broken connection the lane goes, and its sockets with it.
        if matches!(
            &done,
            Ok(_)
                | Err(Failure {
                    error: Error::Status { .. },
                    ..
                })
        ) {
            py.detach(|| self.session.give_back(lane));
        }
        let reply = done.map_err(|failure| raise(py, failure, Some(&made.request), None))?;
        Output::of(py, reply, &made, output, &self.totals)
    }

    fn whole_awaited(&self, py: Python<'_>, request: Arc<Request>, output: Output) -> PyResult<Py<PyAny>> {
        type Done = (Result<Reply, Failure>, Arc<Progress>, tokio::time::Instant);
        let session = Arc::clone(&self.session);
        let totals = Arc::clone(&self.totals);
        let sent = Arc::clone(&request);
        let start = move |slot: Arc<Slot<Done>>| -> PyResult<AbortHandle> {
            let (call, handle) = session
                .background_call(Arc::clone(&sent))
                .map_err(|e| to_raise(e, &sent))?;
            let session = Arc::clone(&session);
            let task = handle.spawn(async move {
                session.settle().await;
                let done = call.whole().await;
                slot.put((done, call.progress(), call.began()));
            });
            Ok(task.abort_handle())
        };
        let finish = move |py: Python<'_>, (done, progress, began): Done| {
            let made = Made {
                request: Arc::clone(&request),
                progress,
                began,
            };
            let reply = done.map_err(|failure| raise(py, failure, Some(&made.request), None))?;
            Output::of(py, reply, &made, &output, &totals)
        };
        Ok(Py::new(py, Awaitable::new(Pending::new(Box::new(start), Box::new(finish))))?.into_any())
    }

    fn stream_blocking(&self, py: Python<'_>, request: Arc<Request>, kind: Kind) -> PyResult<Py<PyAny>> {
        let lane = py
            .detach(|| self.session.lane())
            .map_err(|e| raise(py, e.into(), Some(&request), None))?;
        let call = self.session.lane_call(&lane, Arc::clone(&request));
        let progress = call.progress();
        let Some(opened) = drive(
            py,
            &lane,
            &Stop::default(),
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
        Ok(Py::new(py, Stream::new(incoming, lane, events, Arc::clone(&self.session)))?.into_any())
    }

    fn stream_awaited(&self, py: Python<'_>, request: Arc<Request>, kind: Kind) -> PyResult<Py<PyAny>> {
        type Opened = Result<(Arc<Feed>, Arc<Head>, Marks, Arc<Progress>), Failure>;
        let session = Arc::clone(&self.session);
        let totals = Arc::clone(&self.totals);
        let sent = Arc::clone(&request);
        let start = move |slot: Arc<Slot<Opened>>| -> PyResult<AbortHandle> {
            let (call, handle) = session
                .background_call(Arc::clone(&sent))
                .map_err(|e| to_raise(e, &sent))?;
            let session = Arc::clone(&session);
            let task = handle.spawn(async move {
                session.settle().await;
                let progress = call.progress();
                match EventStream::open(call, kind == Kind::Bytes).await {
                    Ok(events) => {
                        let feed = Feed::new(&events, &session);
                        slot.put(Ok((
                            Arc::clone(&feed),
                            Arc::clone(events.head()),
                            events.marks(),
                            progress,
                        )));
                        drop(slot);
                        feed.pump(events).await;
                    }
                    Err(failure) => slot.put(Err(failure)),
                }
            });
            Ok(task.abort_handle())
        };
        let finish = move |py: Python<'_>, opened: Opened| {
            let (feed, head, marks, progress) = opened.map_err(|failure| raise(py, failure, Some(&request), None))?;
            let incoming = Incoming::new(kind, head, marks, Arc::clone(&request), progress, Arc::clone(&totals));
            Ok(Py::new(py, AsyncStream::new(incoming, feed))?.into_any())
        };
        Ok(Py::new(py, Awaitable::new(Pending::new(Box::new(start), Box::new(finish))))?.into_any())
    }

    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        path: &str,
        body: Option<&Bound<'_, PyAny>>,
        options: &Options<'_>,
        accept: &'static str,
    ) -> PyResult<Arc<Request>> {
        if self.session.is_closed() {
            return Err(raise(py, Error::Closed.into(), None, None));
        }
        let settings = Arc::clone(&lock(&self.settings));
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("no HTTP method: {method:?}")))?;
        let url = self.url(py, &settings, path, options)?;
        let (body, content_type) = encode_body(body, options.extra_body.as_ref())?;
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
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
            } else if !settings.base_url.is_loopback() {
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

    fn url(&self, py: Python<'_>, settings: &Settings, path: &str, options: &Options<'_>) -> PyResult<Url> {
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
        let key = key
            .cast::<PyString>()
            .map_err(|_| PyTypeError::new_err("api_key was called and did not return a string"))?;
        Ok(Some(Secret::new(key.to_str()?.to_owned())))
    }
}

fn to_raise(error: Error, request: &Request) -> PyErr {
    Python::attach(|py| raise(py, error.into(), Some(request), None))
}

fn text_argument(value: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.to_owned()),
        // Paths and URL objects of other libraries say themselves in `str`.
        Err(_) if value.hasattr("__fspath__")? || value.hasattr("host")? => Ok(value.str()?.to_str()?.to_owned()),
        Err(_) => Err(configuration(
            value.py(),
            &format!("{name} must be a string, not {}", value.get_type().name()?),
        )),
    }
}

fn check_proxy(py: Python<'_>) -> impl Fn(String) -> PyResult<String> + '_ {
    move |url| {
        let known = Url::parse(&url).is_ok_and(|url| {
            matches!(
                url.scheme(),
                "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
            ) && url.has_host()
        });
        if known {
            Ok(url)
        } else {
            Err(configuration(
                py,
                "proxy must be a URL such as http://host:port or socks5://host:port",
            ))
        }
    }
}

fn parse_base_url(value: &Bound<'_, PyAny>) -> PyResult<BaseUrl> {
    BaseUrl::parse(&text_argument(value, "base_url")?).map_err(|e| configuration(value.py(), &e.to_string()))
}

fn wanted<'a, 'py, T>(value: &'a Bound<'py, PyAny>, argument: &str, class: &str) -> PyResult<&'a T>
where
    T: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync + pyo3::PyTypeInfo,
{
    match value.cast::<T>() {
        Ok(value) => Ok(value.get()),
        Err(_) => Err(configuration(
            value.py(),
            &format!(
                "{argument} must be a tokstream.{class}, not {}",
                value.get_type().name()?
            ),
        )),
    }
}

/// A count of retries, unless it was left out.
fn count_of(value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    if is_left_out(value)? {
        return Ok(None);
    }
    if value.is_instance_of::<PyBool>() {
        return Err(configuration(value.py(), "max_retries must be a whole number"));
    }
    let count: i64 = value
        .extract()
        .map_err(|_| configuration(value.py(), "max_retries must be a whole number; 0 turns retries off"))?;
    max_retries_of(value.py(), count).map(Some)
}

fn key_of(value: Option<&Bound<'_, PyAny>>) -> PyResult<Key> {
    let Some(value) = value else {
        return Ok(Key::Environment);
    };
    if let Ok(text) = value.cast::<PyString>() {
        let secret = Secret::new(text.to_str()?.to_owned());
        // A key that no header can carry is refused where it is given, not at the first request.
        secret.bearer().map_err(|e| configuration(value.py(), &e.to_string()))?;
        return Ok(Key::Given(secret));
    }
    if value.is_callable() {
        return Ok(Key::Callable(value.clone().unbind()));
    }
    Err(configuration(
        value.py(),
        &format!(
            "api_key must be a string or a function that returns one, not {}",
            value.get_type().name()?
        ),
    ))
}

fn verify_of(value: &Bound<'_, PyAny>) -> PyResult<Verify> {
    match value.cast::<PyBool>() {
        Ok(truth) if truth.is_true() => Ok(Verify::Default),
        Ok(_) => Ok(Verify::Off),
        Err(_) => Ok(Verify::CaFile(text_argument(value, "verify")?)),
    }
}

/// One PEM file with both, or a pair of files.
fn identity_of(value: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    if let Ok(pair) = value.cast::<PyTuple>() {
        if pair.len() != 2 {
            return Err(configuration(
                value.py(),
                "cert must be a file, or a pair of files (certificate, key)",
            ));
        }
        return Ok((
            text_argument(&pair.get_item(0)?, "cert")?,
            text_argument(&pair.get_item(1)?, "cert")?,
        ));
    }
    let file = text_argument(value, "cert")?;
    Ok((file.clone(), file))
}

fn http_version_of(value: Option<&Bound<'_, PyAny>>) -> PyResult<HttpVersion> {
    let Some(value) = value else {
        return Ok(HttpVersion::Http1);
    };
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(if truth.is_true() {
            HttpVersion::Negotiated
        } else {
            HttpVersion::Http1
        });
    }
    match value.cast::<PyString>().ok().and_then(|text| text.to_str().ok()) {
        Some("prior-knowledge") => Ok(HttpVersion::Http2Only),
        _ => Err(configuration(
            value.py(),
            "http2 must be True, False or \"prior-knowledge\"",
        )),
    }
}

fn mentions_authorization(headers: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
    let Some(headers) = headers.filter(|headers| !headers.is_none()) else {
        return Ok(false);
    };
    for name in headers.call_method0(intern!(headers.py(), "keys"))?.try_iter()? {
        if name?.extract::<String>()?.eq_ignore_ascii_case("authorization") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds headers; one that is `None` or `omit` takes away what stood there before.
fn merge_headers(all: &mut HeaderMap, headers: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let Some(headers) = headers.filter(|headers| !headers.is_none()) else {
        return Ok(());
    };
    let py = headers.py();
    let items = headers
        .call_method0(intern!(py, "items"))
        .map_err(|_| configuration(py, "headers must be a mapping of names to values"))?;
    for item in items.try_iter()? {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        let shown = name.str()?.to_string_lossy().into_owned();
        let refuse = |why: &str| configuration(py, &format!("The header {shown:?} {why}"));
        let name: HeaderName = name
            .cast::<PyString>()
            .ok()
            .and_then(|name| name.to_str().ok())
            .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .ok_or_else(|| refuse("has a name that HTTP does not allow"))?;
        if value.is_none() || is_left_out(&value)? {
            all.remove(&name);
            continue;
        }
        let text = match value.cast::<PyBytes>() {
            Ok(bytes) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
            Err(_) => match value.cast::<PyString>().map(|text| text.to_str()) {
                Ok(Ok(text)) => text.to_owned(),
                _ => return Err(refuse("has a value that is not text")),
            },
        };
        let mut value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| refuse("has a value with a line break or another character that HTTP does not allow"))?;
        value.set_sensitive(name == AUTHORIZATION);
        all.insert(name, value);
    }
    Ok(())
}

/// Query parameters as openai-python writes them: lists as `name[]`, nested mappings as `name[inner]`.
fn query_pairs(query: &Bound<'_, PyAny>, argument: &str) -> PyResult<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let dict = query
        .cast::<PyDict>()
        .map_err(|_| configuration(query.py(), &format!("{argument} must be a dict of names and values")))?;
    for (name, value) in dict {
        add_query(&mut pairs, name.str()?.to_str()?, &value)?;
    }
    Ok(pairs)
}

fn add_query(pairs: &mut Vec<(String, String)>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_none() || is_left_out(value)? {
        return Ok(());
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        pairs.push((
            name.to_owned(),
            if truth.is_true() { "true" } else { "false" }.to_owned(),
        ));
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        for item in value.try_iter()? {
            add_query(pairs, &format!("{name}[]"), &item?)?;
        }
    } else if let Ok(nested) = value.cast::<PyDict>() {
        for (inner, value) in nested {
            add_query(pairs, &format!("{name}[{}]", inner.str()?.to_str()?), &value)?;
        }
    } else {
        pairs.push((name.to_owned(), value.str()?.to_str()?.to_owned()));
    }
    Ok(())
}

/// A request's body as bytes, and what it is.
fn encode_body(
    body: Option<&Bound<'_, PyAny>>,
    extra: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Option<Bytes>, &'static str)> {
    const JSON: &str = "application/json";
    let extra = extra.filter(|extra| !extra.is_none());
    let Some(body) = body else {
        return match extra {
            Some(extra) => encode_json(extra).map(|bytes| (Some(bytes), JSON)),
            None => Ok((None, JSON)),
        };
    };
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok((
            Some(Bytes::copy_from_slice(bytes.as_bytes())),
            "application/octet-stream",
        ));
    }
    let Some(extra) = extra else {
        return encode_json(body).map(|bytes| (Some(bytes), JSON));
    };
    let merged = match body.cast::<PyDict>() {
        Ok(dict) => dict.copy()?,
        Err(_) => {
            return Err(PyTypeError::new_err(
                "extra_body can only be added to a body that is a dict",
            ));
        }
    };
    merged.call_method1(intern!(body.py(), "update"), (extra,))?;
    encode_json(merged.as_any()).map(|bytes| (Some(bytes), JSON))
}

fn encode_json(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let mut encoder = Encoder::new();
    encoder.value(value, 0)?;
    Ok(Bytes::from(encoder.finish()))
}
