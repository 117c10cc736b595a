//! Which representation the client gets: the first it accepts that can be made.

use ahash::AHashMap;
use catalog::{Catalog, QualifiedName};

use crate::error::Error;
use crate::request::media::MediaType;

/// How rows become a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handler {
    Json,
    /// Nulls left out.
    JsonStripped,
    /// One row as an object.
    Object {
        stripped: bool,
    },
    Csv,
    GeoJson,
    /// An aggregate or a cast of the user; `None` as target stands for any row.
    Custom {
        function: QualifiedName,
        target: Option<QualifiedName>,
    },
    /// No body at all.
    None,
}

/// A handler and what the answer is labelled with.
pub(crate) type Chosen = (Handler, MediaType);

/// All handlers of a catalog, by what they handle; `None` is anything.
#[derive(Debug, Default)]
pub(crate) struct Handlers {
    map: AHashMap<(Option<QualifiedName>, MediaType), Chosen>,
}

impl Handlers {
    /// Ours, which those of the catalog replace.
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let mut map = AHashMap::new();
        let mut ours = |asked, handler, media| map.insert((None, asked), (handler, media));
        ours(MediaType::Any, Handler::Json, MediaType::Json);
        ours(MediaType::Json, Handler::Json, MediaType::Json);
        ours(MediaType::Csv, Handler::Csv, MediaType::Csv);
        ours(MediaType::GeoJson, Handler::GeoJson, MediaType::GeoJson);
        for custom in &catalog.media_handlers {
            let any = custom.target.schema == "pg_catalog" && custom.target.name == "anyelement";
            let target = (!any).then(|| custom.target.clone());
            let handler = Handler::Custom { function: custom.handler.clone(), target: target.clone() };
            map.insert((target, MediaType::read(&custom.media_type)), (handler, MediaType::read(&custom.resolved)));
        }
        Self { map }
    }

    fn find(&self, relation: &QualifiedName, media: &MediaType, default_select: bool) -> Option<Chosen> {
        let own = |media: &MediaType| {
            default_select.then(|| self.map.get(&(Some(relation.clone()), media.clone()))).flatten()
        };
        own(&MediaType::Any).or_else(|| own(media)).or_else(|| self.map.get(&(None, media.clone()))).cloned()
    }

    /// Chooses for a relation. Own handlers of it only count when its rows are whole.
    pub(crate) fn choose(
        &self,
        accepted: &[MediaType],
        relation: &QualifiedName,
        default_select: bool,
        plan_enabled: bool,
    ) -> Result<Chosen, Error> {
        accepted
            .iter()
            .find_map(|media| self.one(media, relation, default_select, plan_enabled))
            .ok_or_else(|| Error::UnacceptableMedia(accepted.iter().map(MediaType::text).collect()))
    }

    fn one(
        &self,
        media: &MediaType,
        relation: &QualifiedName,
        default_select: bool,
        plan_enabled: bool,
    ) -> Option<Chosen> {
        let special = |media: &MediaType| match media {
            MediaType::Object { stripped } => Some(Handler::Object { stripped: *stripped }),
            MediaType::ArrayStripped => Some(Handler::JsonStripped),
            _ => None,
        };
        match media {
            MediaType::Plan { .. } if !plan_enabled => None,
            MediaType::Plan { of, .. } => {
                let handler =
                    special(of).or_else(|| self.find(relation, of, default_select).map(|(handler, _)| handler))?;
                Some((handler, media.clone()))
            }
            _ => match special(media) {
                Some(handler) => Some((handler, media.clone())),
                None => self.find(relation, media, default_select),
            },
        }
    }
}
