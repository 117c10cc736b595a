select json_build_object('id', id, 'public', coalesce(public, false))::text from storage.buckets order by id
