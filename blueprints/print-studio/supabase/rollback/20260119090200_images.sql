drop table public.image_collection_items;
drop table public.image_collections;
drop table public.image_operations;
drop table public.images;
