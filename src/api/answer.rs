//! Answers that are no success: always a [`Failure`] in JSON, whoever refused.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};

use super::types::{ErrorCode, Failure};
use crate::servent::{CallError, ConditionsError, PlaceError, ShareError, Stopped, WantError};

/// Bytes of another's refusal that are passed on.
const TEXT_BYTES_MAX: usize = 4_096;

/// A refusal by one of the routes.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn not_found(message: impl Into<String>) -> Refusal {
        Refusal { code: ErrorCode::NotFound, message: message.into() }
    }

    pub(super) fn bad(message: impl ToString) -> Refusal {
        Refusal { code: ErrorCode::BadRequest, message: message.to_string() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        refuse(self.code, self.message)
    }
}

impl From<Stopped> for Refusal {
    fn from(_: Stopped) -> Refusal {
        Refusal { code: ErrorCode::Stopping, message: text_of(ErrorCode::Stopping).to_owned() }
    }
}

impl From<PlaceError> for Refusal {
    fn from(error: PlaceError) -> Refusal {
        let code = match error {
            PlaceError::UnknownHost(_) => ErrorCode::UnknownHost,
            PlaceError::NoHost(_) | PlaceError::NoNetwork(_) => ErrorCode::BadRequest,
        };
        Refusal { code, message: error.to_string() }
    }
}

impl From<ConditionsError> for Refusal {
    fn from(error: ConditionsError) -> Refusal {
        let code = match error {
            ConditionsError::NoLaboratory { .. } => ErrorCode::Forbidden,
            ConditionsError::Senseless(_) => ErrorCode::BadRequest,
            ConditionsError::Stopped(stopped) => return stopped.into(),
        };
        Refusal { code, message: error.to_string() }
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Refusal {
        match error {
            CallError::Place(error) => error.into(),
            CallError::Stopped(error) => error.into(),
        }
    }
}

impl From<ShareError> for Refusal {
    fn from(error: ShareError) -> Refusal {
        match error {
            ShareError::Folder(error) => Refusal::bad(error),
            ShareError::Stopped(error) => error.into(),
        }
    }
}

impl From<WantError> for Refusal {
    fn from(error: WantError) -> Refusal {
        Refusal::bad(error)
    }
}

/// The status that goes with a code.
fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::UnknownHost => StatusCode::BAD_GATEWAY,
    }
}

/// What a code means, when nothing more is known.
pub(super) fn text_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthorized => {
            "the request needs the token of the file api-token in the servent's data directory, \
             as \"Authorization: Bearer TOKEN\""
        }
        ErrorCode::Forbidden => {
            "the request comes from a foreign page or names a foreign host; name this machine by \
             its loopback address or localhost"
        }
        ErrorCode::NotFound => "there is no such resource; /api/v1/openapi.json lists all",
        ErrorCode::MethodNotAllowed => "the resource does not know this method",
        ErrorCode::BadRequest => "the request cannot be understood",
        ErrorCode::TooLarge => "the request is too large",
        ErrorCode::Stopping => "the servent is leaving",
        ErrorCode::UnknownHost => "the host's name has no address",
    }
}

/// The response to a request that is refused.
pub(super) fn refuse(code: ErrorCode, message: impl Into<String>) -> Response {
    let body = Json(Failure { error: code, message: message.into() });
    let mut response = (status_of(code), body).into_response();
    if code == ErrorCode::Unauthorized {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Brings what the framework refuses by itself (no such path, no such method, no JSON) into the
/// form of all refusals.
pub(super) async fn in_json(response: Response) -> Response {
    let status = response.status();
    let json = HeaderValue::from_static("application/json");
    let is_ours = response.headers().get(CONTENT_TYPE) == Some(&json);
    if !(status.is_client_error() || status.is_server_error()) || is_ours {
        return response;
    }
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        _ => ErrorCode::BadRequest,
    };
    let (head, body) = response.into_parts();
    let text = match Limited::new(body, TEXT_BYTES_MAX).collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(_too_long) => String::new(),
    };
    let text = if text.is_empty() { text_of(code).to_owned() } else { text };
    let mut refusal = refuse(code, text);
    *refusal.status_mut() = status;
    // A method that is not known comes with those that are.
    if let Some(allow) = head.headers.get(hyper::header::ALLOW) {
        refusal.headers_mut().insert(hyper::header::ALLOW, allow.clone());
    }
    refusal
}
