Deno.serve(async (request) => {
  const { appointment_id } = await request.json();
  console.log('reminding for', appointment_id);
  return Response.json({ ok: true });
});
