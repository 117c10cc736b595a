Deno.serve((_req) => new Response("hello from the team"));
