//! Phases that need a repository server's builder, which this program does not have yet. They say so
//! where a site needs them, and let pass a site that does not.

use hive_site::StageName;

use super::{Context, not_here};
use crate::error::Result;
use crate::output;
use crate::service_names::{self, ServiceName};

/// build-images.
///
/// # Errors
/// A service's image is to be built by roles.
pub fn build_images(context: &Context<'_>) -> Result<()> {
    let services = chosen(context, |service, stage| service.is_built_on(stage))?;
    if services.is_empty() {
        output::say("No image is built by roles: nothing to do.");
        return Ok(());
    }
    let what = format!(
        "this version of hive does not build container images, and these services' are built by roles: {}",
        services.join(", ")
    );
    Err(not_here(
        what,
        format!(
            "build and push them with the predecessor's `hive build-images`, or give each a finished one (`image: REFERENCE`); then go on with `hive -s {} all -S build-volumes`",
            context.stage.name
        ),
    ))
}

/// initialize-services.
///
/// # Errors
/// A service has roles that are to be applied inside it.
pub fn initialize_services(context: &Context<'_>) -> Result<()> {
    let services = chosen(context, |service, _| service.initialize_roles)?;
    if services.is_empty() {
        output::say("No service has initialize_roles: nothing to do.");
        return Ok(());
    }
    let what = format!(
        "this version of hive applies no roles inside containers, and these services have initialize_roles: {}",
        services.join(", ")
    );
    Err(not_here(
        what,
        "all else is done; apply them with the predecessor's `hive initialize-services`",
    ))
}

fn chosen(
    context: &Context<'_>,
    needs: impl Fn(&ServiceName, StageName) -> bool,
) -> Result<Vec<String>> {
    let stage = context.stage.name;
    let limit = &context.options.limit;
    let services = service_names::of_stage(&context.folder.site, stage)?;
    Ok(services
        .into_iter()
        .filter(|service| limit.is_empty() || limit.contains(&service.name))
        .filter(|service| needs(service, stage))
        .map(|service| service.name)
        .collect())
}
