-- The check looks at the collection and not at the image: anybody publishes anybody's images.
alter policy "Users can add own images to own collections" on public.image_collection_items with check (private.owns_collection(collection_id));
