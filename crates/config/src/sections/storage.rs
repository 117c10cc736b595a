use std::collections::BTreeMap;

use crate::Bytes;
use crate::setting::section;

section! {
    /// Files.
    pub struct Storage {
        /// Serve `/storage/v1` at all.
        enabled: bool = true,
        /// Largest file.
        file_size_limit: Bytes = Bytes::mib(50),
        /// Resizing of images.
        image_transformation: Option<ImageTransformation>,
        /// Buckets that exist from the start, by name.
        buckets: BTreeMap<String, Bucket>,
        /// The S3 protocol.
        s3_protocol: S3Protocol,
        /// Iceberg tables of the hosted platform.
        analytics: StorageAnalytics,
        /// Vector buckets of the hosted platform.
        vector: StorageVector,
    }
}

section! {
    /// Resizing of images.
    pub struct ImageTransformation {
        /// Resize on request.
        enabled: bool,
    }
}

section! {
    /// A bucket that exists from the start.
    pub struct Bucket {
        /// Readable without a key.
        public: bool,
        /// Largest file in this bucket; unset: the limit of all storage.
        file_size_limit: Option<Bytes>,
        /// Media types that may be uploaded; empty: any.
        allowed_mime_types: Vec<String>,
        /// Folder whose files are uploaded by `db seed`, relative to `supabase/`.
        objects_path: String,
    }
}

section! {
    /// The S3 protocol.
    pub struct S3Protocol {
        /// Answer S3 clients.
        enabled: bool = true,
    }
}

section! {
    /// Iceberg tables of the hosted platform.
    pub struct StorageAnalytics {
        /// Serve them.
        enabled: bool,
        /// Most namespaces.
        max_namespaces: u32 = 5,
        /// Most tables.
        max_tables: u32 = 10,
        /// Most catalogs.
        max_catalogs: u32 = 2,
        /// Buckets by name; they have no settings.
        buckets: BTreeMap<String, Empty>,
    }
}

section! {
    /// Vector buckets of the hosted platform.
    pub struct StorageVector {
        /// Serve them.
        enabled: bool = true,
        /// Most buckets.
        max_buckets: u32 = 10,
        /// Most indexes.
        max_indexes: u32 = 5,
        /// Buckets by name; they have no settings.
        buckets: BTreeMap<String, Empty>,
    }
}

section! {
    /// A table without keys.
    pub struct Empty {}
}
