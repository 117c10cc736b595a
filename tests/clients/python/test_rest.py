"""The tables of library.sql by the published PostgREST client of Python, against a project that runs."""

import os
import unittest

from postgrest import APIError, CountMethod, ReturnMethod, SyncPostgrestClient
from supabase_auth import SyncGoTrueClient

from support import patient

URL, ANON, SERVICE = (os.environ[name] for name in ("API_URL", "ANON_KEY", "SERVICE_ROLE_KEY"))


def rest(key=SERVICE, token=None):
    headers = {"apikey": key, "Authorization": f"Bearer {token or key}"}
    return SyncPostgrestClient(f"{URL}/rest/v1", headers=headers)


class Library(unittest.TestCase):
    def setUp(self):
        self.db = rest()
        self.books = lambda *columns, **options: self.db.from_("books").select(*(columns or ("id",)), **options)

    def ids(self, request):
        return [row["id"] for row in request.order("id").execute().data]

    def refused(self, code, request):
        with self.assertRaises(APIError) as caught:
            request.execute()
        self.assertEqual(caught.exception.code, code, caught.exception.message)

    def test_columns_casts_and_aliases(self):
        row = self.books("name:title", "pages::text", "facts->>language", "published").eq("id", 1).execute().data[0]
        self.assertEqual(row, {"name": "Dune", "pages": "412", "language": "en", "published": "[1965-08-01,2000-01-01)"})

    def test_filters(self):
        for wanted, filtered in [
            ([2], self.books().eq("title", "Solaris")),
            ([1, 3, 4], self.books().neq("title", "Solaris")),
            ([1, 3], self.books().gt("pages", 204)),
            ([1, 2, 3], self.books().gte("pages", 204)),
            ([4], self.books().lt("pages", 204)),
            ([2, 4], self.books().lte("pages", 204)),
            ([4], self.books().is_("author_id", "null")),
            ([1, 2, 3], self.books().not_.is_("author_id", "null")),
            ([1], self.books().like("title", "D%")),
            ([1, 3], self.books().ilike("title", "%d%")),
            ([3], self.books().like_all_of("title", "The%,%poss%")),
            ([1, 2], self.books().ilike_any_of("title", "dune,solaris")),
            ([1, 4], self.books().in_("id", [1, 4, 99])),
            ([1, 2], self.books().contains("tags", ["novel", "planet"])),
            ([1, 2, 3], self.books().overlaps("tags", ["planet", "utopia"])),
            ([4], self.books().contained_by("tags", ["poems", "more"])),
            ([1], self.books().contains("facts", {"language": "en", "awards": ["Hugo"]})),
            ([1, 3], self.books().eq("facts->>language", "en")),
            ([3], self.books().range_gt("published", ["1970-01-01", "1971-01-01"])),
            ([1, 2], self.books().range_lt("published", ["2001-01-01", "2010-01-01"])),
            ([1], self.books().text_search("words", "desert & planet")),
            ([2, 3], self.books().text_search("words", "ocean or moon", {"type": "web_search"})),
            ([1, 4], self.books().or_("title.eq.Dune,and(pages.lt.100,author_id.is.null)")),
            ([2], self.books().match({"title": "Solaris", "pages": 204})),
            ([3], self.books().filter("title", "eq", 'The "Dispossessed"').filter("id", "gt", "2")),
        ]:
            self.assertEqual(self.ids(filtered), wanted, str(filtered.request.params))

    def test_order_and_pages(self):
        titles = lambda request: [row["title"] for row in request.execute().data]
        self.assertEqual(titles(self.books("title").order("pages", desc=True).limit(2)), ["Dune", 'The "Dispossessed"'])
        self.assertEqual(titles(self.books("title").order("author_id", nullsfirst=True).order("title").limit(1)), ["Leaves"])
        self.assertEqual(titles(self.books("title").order("id").range(1, 2)), ["Solaris", 'The "Dispossessed"'])
        self.assertEqual(titles(self.books("title").order("id").limit(1).offset(3)), ["Leaves"])

    def test_counts(self):
        self.assertEqual(self.books("*", count=CountMethod.exact).limit(1).execute().count, 4)
        head = self.books("*", count=CountMethod.exact, head=True).gt("pages", 300).execute()
        self.assertEqual((head.count, head.data), (2, []))
        for kind in (CountMethod.planned, CountMethod.estimated):
            self.assertIsInstance(self.books("*", count=kind).execute().count, int)

    def test_one_row(self):
        self.assertEqual(self.books("title").eq("id", 2).single().execute().data, {"title": "Solaris"})
        self.refused("PGRST116", self.books("title").gt("id", 1).single())
        self.assertIsNone(self.books("title").eq("id", 99).maybe_single().execute())
        self.assertEqual(self.books("title").eq("id", 2).maybe_single().execute().data["title"], "Solaris")

    def test_embedding(self):
        dune = self.books("title", "author:authors(name)").eq("id", 1).single().execute().data
        self.assertEqual(dune, {"title": "Dune", "author": {"name": "Frank Herbert"}})
        authors = self.db.from_("authors").select("name", "books(title)").order("id").execute().data
        self.assertEqual([[book["title"] for book in author["books"]] for author in authors], [["Dune"], ["Solaris"], ['The "Dispossessed"'], []])
        inner = self.db.from_("authors").select("name", "books!inner(title)").gt("books.pages", 300).order("id").execute().data
        self.assertEqual([author["name"] for author in inner], ["Frank Herbert", "Ursula K. Le Guin"])
        many = self.db.from_("readers").select("name", "books(title)").eq("id", 1).order("title", foreign_table="books").single().execute()
        self.assertEqual([book["title"] for book in many.data["books"]], ["Dune", "Solaris"])
        spread = self.books("title", "...authors(author:name)").eq("id", 2).single().execute().data
        self.assertEqual(spread, {"title": "Solaris", "author": "Stanisław Lem"})

    def test_csv_and_plan(self):
        text = self.books("id", "title").order("id").csv().execute().data
        self.assertEqual(text.splitlines()[:2], ["id,title", "1,Dune"])
        self.assertIn('3,"The ""Dispossessed"""', text)
        plan = self.books("title").eq("id", 1).explain(format="json", analyze=True).execute().data
        self.assertIn("Plan", plan[0])
        self.assertIn("Execution Time", plan[0])
        self.assertIn("cost=", self.books("title").explain().execute())

    def test_writes(self):
        shelf = self.db.from_("shelves")
        one = shelf.insert({"id": 1, "label": "A", "note": "first"}).execute().data
        self.assertEqual(one, [{"id": 1, "label": "A", "note": "first"}])
        many = shelf.insert([{"id": 2, "label": "B"}, {"id": 3, "note": "third"}], default_to_null=False, count=CountMethod.exact).execute()
        self.assertEqual((many.count, [row["label"] for row in many.data]), (2, ["B", "unlabelled"]))
        quiet = shelf.insert({"id": 4, "label": "D"}, returning=ReturnMethod.minimal).execute()
        self.assertEqual(quiet.data, [])
        self.refused("23505", shelf.insert({"id": 1, "label": "again"}))
        self.assertEqual(shelf.upsert({"id": 1, "label": "A2"}).execute().data[0]["label"], "A2")
        ignored = shelf.upsert([{"id": 1, "label": "no"}, {"id": 5, "label": "E"}], ignore_duplicates=True).execute()
        self.assertEqual([row["id"] for row in ignored.data], [5])
        by_label = shelf.upsert({"id": 9, "label": "E", "note": "by its label"}, on_conflict="label").execute()
        self.assertEqual(by_label.data, [{"id": 9, "label": "E", "note": "by its label"}])
        changed = shelf.update({"note": None}).in_("id", [1, 3]).execute().data
        self.assertEqual({row["id"]: row["note"] for row in changed}, {1: None, 3: None})
        self.assertEqual(shelf.update({"note": "x"}).eq("id", 2).select("id", "note").execute().data, [{"id": 2, "note": "x"}])
        self.refused("PGRST124", shelf.delete().gt("id", 0).max_affected(1))
        gone = shelf.delete(count=CountMethod.exact).gt("id", 0).execute()
        self.assertEqual(gone.count, 5)

    def test_functions(self):
        self.assertEqual(self.db.rpc("add_them", {"a": 2, "b": 3}).execute().data, 5)
        self.assertEqual(self.db.rpc("add_them", {"a": 2, "b": 3}, get=True).execute().data, 5)
        thick = self.db.rpc("thicker_than", {"pages_at_least": 200}, count=CountMethod.exact).select("title").order("title").limit(2).execute()
        self.assertEqual([row["title"] for row in thick.data], ["Dune", "Solaris"])
        self.assertEqual(self.db.rpc("thicker_than", {"pages_at_least": 400}).single().execute().data["title"], "Dune")
        self.refused("PGRST202", self.db.rpc("nowhere", {}))
        self.refused("P0001", self.db.rpc("complain", {}))

    def test_another_schema(self):
        self.assertEqual(self.db.schema("cellar").from_("wines").select("name").execute().data, [{"name": "Rioja"}])
        self.refused("PGRST106", self.db.schema("auth").from_("users").select("id"))

    def test_row_level_security(self):
        visitor = rest(ANON)
        self.refused("42501", visitor.from_("shelves").select("id"))
        at = f"{URL}/auth/v1"
        auth = SyncGoTrueClient(url=at, headers={"apikey": ANON}, auto_refresh_token=False, http_client=patient())
        mine = auth.sign_up({"email": "ada@x.test", "password": "correct horse"})
        ada = rest(ANON, mine.session.access_token)
        written = ada.from_("diary").insert({"entry": "today"}).execute().data
        self.assertEqual(written[0]["owner"], mine.user.id)
        self.assertEqual(len(self.db.from_("diary").select("id").execute().data), 2)
        self.assertEqual(len(ada.from_("diary").select("id").execute().data), 1)
        self.refused("42501", ada.from_("diary").insert({"owner": "00000000-0000-4000-8000-000000000000", "entry": "forged"}))
        auth.sign_out()
        self.refused("PGRST303", ada.from_("diary").select("id"))
