//! Every route on one page.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::doors::{self, Sessions};
use super::error::Problem;
use super::limits::Limits;
use super::links::Links;
use super::{App, AppState, SharedApp};
use super::{files, health, log, pages, recordings, rooms, snapshot, streams, ws};

/// Everything the server answers.
pub fn router(state: AppState) -> Router {
    let own_metrics = state.config.metrics_listen.is_some();
    let app = Arc::new(App { state, limits: Limits::new(), sessions: Sessions::default(), links: Links::new() });
    let (api, description) = api().split_for_parts();
    let description: Arc<str> = description.to_json().unwrap_or_default().into();
    let mut router = api
        .route("/api/v1/openapi.json", get(move || openapi(description.clone())))
        // The contract names the standard doors by their short paths; both ways lead in.
        .merge(doors::routes().split_for_parts().0)
        .merge(pages())
        .fallback(pages::other)
        .method_not_allowed_fallback(method_not_allowed);
    if !own_metrics {
        router = router.merge(metrics());
    }
    finish(router, app)
}

/// `/metrics` alone, for an address of its own.
pub(super) fn metrics_router(state: AppState) -> Router {
    let app = Arc::new(App { state, limits: Limits::new(), sessions: Sessions::default(), links: Links::new() });
    finish(metrics().fallback(nothing_here), app)
}

/// The description of the API, as `/api/v1/openapi.json` has it.
pub fn description() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

fn api() -> OpenApiRouter<SharedApp> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(rooms::create))
        .routes(routes!(rooms::show, rooms::change, rooms::end))
        .routes(routes!(rooms::renew_invitation))
        .routes(routes!(rooms::participants))
        .routes(routes!(rooms::change_participant, rooms::remove_participant))
        .routes(routes!(recordings::start, recordings::list))
        .routes(routes!(recordings::show, recordings::delete))
        .routes(routes!(recordings::stop))
        .routes(routes!(recordings::pause))
        .routes(routes!(recordings::resume))
        .routes(routes!(recordings::timeline))
        .routes(routes!(files::download))
        .routes(routes!(recordings::link))
        .routes(routes!(files::download_track))
        .routes(routes!(streams::start, streams::list))
        .routes(routes!(streams::end))
        .routes(routes!(snapshot::show))
        .routes(routes!(ws::open))
        .merge(doors::routes());
    let mut api = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .nest("/api/v1", v1);
    describe(api.get_openapi_mut());
    api
}

fn metrics() -> Router<SharedApp> {
    Router::new().route("/metrics", get(health::metrics))
}

fn pages() -> Router<SharedApp> {
    Router::new()
        .route("/", get(pages::home))
        .route("/privacy", get(pages::privacy))
        .route("/r/{invitation}", get(pages::room))
        .route("/assets/{*path}", get(pages::asset))
        .layer(CompressionLayer::new())
}

fn finish(router: Router<SharedApp>, app: SharedApp) -> Router {
    router.layer(from_fn(log::requests)).layer(from_fn_with_state(app.clone(), pages::protect)).with_state(app)
}

async fn openapi(description: Arc<str>) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    ([(axum::http::header::CONTENT_TYPE, "application/json")], description.as_ref().to_owned())
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address does not take that method")
}

async fn nothing_here() -> Problem {
    Problem::no_such_page()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Veranda",
        description = "A group video room that anyone can host.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(crate::protocol::rest::Problem))
)]
struct Description;

/// What every call has in common: the token, and the problem document of every refusal.
fn describe(api: &mut utoipa::openapi::OpenApi) {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The room's host token or an API key of the configuration"))
        .build();
    api.components.get_or_insert_with(Components::default).add_security_scheme("token", SecurityScheme::Http(bearer));
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new()
        .description("A problem document; its `code` is stable")
        .content("application/problem+json", problem)
        .build();
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(response.clone()));
        }
    }
}
