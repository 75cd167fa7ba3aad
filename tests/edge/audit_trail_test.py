"""Each change leaves exactly one event that says who did what to whom; no outsider writes into a workspace's log."""

import json

import psycopg2
import pytest

from platform_client import PASSWORD, Crew, hash_of, unique, unique_email

EVENT_MEMBERS = {
    "id", "occurred_at", "action", "outcome", "actor_type", "actor_id", "session_id", "target_type", "target_id",
    "request_id", "peer", "before", "after", "metadata"}


@pytest.fixture(scope="module")
def team(platform):
    return Crew(platform)


def events_of(platform, answer):
    """Every event of one call, wherever it was written."""
    request_id = answer.headers["x-request-id"]
    rows = platform.admin("SELECT to_jsonb(e) FROM factory.audit_events e WHERE request_id = %s"
                          " UNION ALL SELECT to_jsonb(e) || '{\"tenant_id\": null}' FROM factory.platform_events e"
                          " WHERE request_id = %s", request_id, request_id)
    return [row for (row,) in rows]


def the_event(platform, answer, **expected):
    event, = events_of(platform, answer)
    assert EVENT_MEMBERS <= set(event)
    assert event["peer"] == "127.0.0.1"
    assert {name: event[name] for name in expected} == expected
    return event


def done(platform, answer, person, action, target, tenant=None, **expected):
    """The one event of a call that a person made and that succeeded."""
    assert 200 <= answer.status < 300, answer
    return the_event(platform, answer, action=action, outcome="success", actor_type="user", actor_id=person.id,
                     target_type=target[0], target_id=target[1], tenant_id=tenant, **expected)


def session_of(platform, person):
    return platform.count("SELECT session_id::text FROM factory.refresh_tokens WHERE token_hash = %s",
                          hash_of(person.refresh_token))


def test_accounts_and_sessions(platform):
    email = unique_email()
    answer = platform.call("POST", "/v1/auth/register", {"email": email, "password": PASSWORD, "name": "Ann"})
    user = answer.json["user"]["id"]
    the_event(platform, answer, action="user.created", outcome="success", actor_id=user, target_type="user",
              target_id=user, tenant_id=None)
    answer = platform.call("POST", "/v1/auth/login", {"email": email, "password": PASSWORD})
    event = the_event(platform, answer, action="session.created", outcome="success", actor_id=user,
                      target_type="session")
    session = event["target_id"]
    answer = platform.call("POST", "/v1/auth/refresh", {"refresh_token": answer.json["refresh_token"]})
    the_event(platform, answer, action="session.refreshed", actor_id=user, target_type="session", target_id=session)
    answer = platform.call("POST", "/v1/auth/logout", token=answer.json["access_token"])
    the_event(platform, answer, action="session.ended", actor_id=user, target_type="session", target_id=session,
              session_id=session)


def test_workspaces(platform):
    person = platform.register()
    answer = person.call("POST", "/v1/tenants", {"name": "Before"})
    workspace = answer.json
    done(platform, answer, person, "tenant.created", ("tenant", workspace["id"]), workspace["id"], before=None,
         after={"name": "Before", "slug": workspace["slug"]}, session_id=session_of(platform, person))
    enter = person.enter(workspace)
    answer = enter("PATCH", "/v1/tenant", {"name": "After", "slug": workspace["slug"]})
    done(platform, answer, person, "tenant.updated", ("tenant", workspace["id"]), workspace["id"],
         before={"name": "Before"}, after={"name": "After"})
    slug = unique("after")
    answer = enter("PATCH", "/v1/tenant", {"slug": slug})
    done(platform, answer, person, "tenant.updated", ("tenant", workspace["id"]), workspace["id"],
         before={"slug": workspace["slug"]}, after={"slug": slug})
    assert events_of(platform, enter("PATCH", "/v1/tenant", {"name": "After"})) == []
    assert events_of(platform, enter("PATCH", "/v1/tenant", {})) == []


def test_members_and_invitations(platform):
    crew, guest = Crew(platform, ("owner", "admin")), platform.register("guest")
    admin = crew.people["admin"]
    answer = crew.call("admin", "POST", "/v1/invitations", {"email": guest.email, "role": "staff"})
    invitation = ("invitation", answer.json["id"])
    shown = {"email": guest.email, "role": "staff"}
    done(platform, answer, admin, "invitation.created", invitation, crew.id, metadata=shown)
    answer = guest.call("POST", "/v1/invitations/accept", {"token": answer.json["token"]})
    done(platform, answer, guest, "invitation.accepted", invitation, crew.id, metadata=shown)
    member = ("user", guest.id)
    answer = crew.call("admin", "PATCH", f"/v1/members/{guest.id}", {"role": "viewer"})
    done(platform, answer, admin, "member.role_changed", member, crew.id, before={"role": "staff"},
         after={"role": "viewer"})
    assert events_of(platform, crew.call("admin", "PATCH", f"/v1/members/{guest.id}", {"role": "viewer"})) == []
    answer = crew.call("owner", "DELETE", f"/v1/members/{guest.id}")
    done(platform, answer, crew.owner, "member.removed", member, crew.id, before={"role": "viewer"})
    answer = crew.call("admin", "POST", "/v1/invitations", {"email": guest.email, "role": "viewer"})
    invitation = answer.json["id"]
    answer = crew.call("owner", "DELETE", f"/v1/invitations/{invitation}")
    done(platform, answer, crew.owner, "invitation.cancelled", ("invitation", invitation), crew.id,
         metadata={"email": guest.email, "role": "viewer"})


def test_rows_of_a_protected_table(platform, app_schema, crew):
    name = app_schema.name
    made = app_schema.add("mark(word text)", f"INSERT INTO {name}.marks (word) VALUES (word) RETURNING id", "POST",
                          "mark")
    change = app_schema.add("rename(old text, new text)", f"UPDATE {name}.marks SET word = new WHERE word = old",
                            "POST", "rename", returns="void")
    drop = app_schema.add("unmark(word text)", f"DELETE FROM {name}.marks m WHERE m.word = $1", "POST", "unmark",
                          returns="void")
    words = [unique("audited") for _ in range(2)]
    answer = crew.call("staff", "POST", made, {"word": words[0]})
    row, staff = answer.json["result"], crew.people["staff"]
    target = (f"{name}.marks", row)
    done(platform, answer, staff, "marks.created", target, crew.id, before=None, after={"id": row, "word": words[0]})
    answer = crew.call("staff", "POST", change, {"old": words[0], "new": words[1]})
    done(platform, answer, staff, "marks.updated", target, crew.id, before={"word": words[0]}, after={"word": words[1]})
    assert events_of(platform, crew.call("staff", "POST", change, {"old": words[1], "new": words[1]})) == []
    answer = crew.call("staff", "POST", drop, {"word": words[1]})
    done(platform, answer, staff, "marks.deleted", target, crew.id, before={"id": row, "word": words[1]}, after=None)


def test_a_refused_change_of_a_member_is_denied_in_the_workspace(platform, team):
    viewer = team.people["viewer"]
    cases = [("PATCH", "/v1/tenant", {"name": "x"}, "tenant.updated"),
             ("POST", "/v1/invitations", {"email": unique_email(), "role": "viewer"}, "invitation.created"),
             ("PATCH", f"/v1/members/{team.owner.id}", {"role": "viewer"}, "member.role_changed"),
             ("DELETE", f"/v1/members/{team.owner.id}", None, "member.removed"),
             ("GET", "/v1/audit-logs", None, "call.refused"), ("GET", "/v1/invitations", None, "call.refused")]
    for method, path, body, action in cases:
        answer = team.call("viewer", method, path, body)
        assert answer.outcome == (403, "forbidden")
        event = the_event(platform, answer, action=action, outcome="denied", actor_id=viewer.id, tenant_id=team.id,
                          before=None, after=None)
        assert (event["metadata"]["code"], event["metadata"]["method"]) == ("forbidden", method)
    answer = team.call("admin", "PATCH", f"/v1/members/{team.owner.id}", {"role": "viewer"})
    the_event(platform, answer, action="member.role_changed", outcome="denied", tenant_id=team.id)


def test_a_stranger_leaves_nothing_in_the_workspace(platform, team):
    stranger = platform.register("stranger")
    before = len(platform.events(team.id))
    calls = [("GET", "/v1/tenant", None), ("PATCH", "/v1/tenant", {"name": "x"}), ("GET", "/v1/audit-logs", None),
             ("DELETE", f"/v1/members/{team.owner.id}", None)]
    for method, path, body in calls:
        answer = stranger.call(method, path, body, tenant=team.id)
        assert answer.outcome == (404, "tenant_not_found")
        the_event(platform, answer, outcome="denied", actor_id=stranger.id, target_type="tenant", target_id=team.id,
                  tenant_id=None)
    guest = team.invite(unique_email("guest"), "viewer")
    answer = stranger.call("POST", "/v1/invitations/accept", {"token": guest["token"]})
    assert answer.outcome == (403, "invitation_address_mismatch")
    the_event(platform, answer, action="invitation.accepted", outcome="denied", actor_id=stranger.id, tenant_id=None)
    for tenant in (team.id, None):
        answer = platform.call("GET", "/v1/tenant", tenant=tenant, token="x.y.z")
        assert answer.status == 401 and events_of(platform, answer) == []
    assert len(platform.events(team.id)) == before + 1  # the invitation itself


def test_failed_sign_ins_are_the_platforms_to_know(platform):
    person = platform.register()
    events = []
    attempts = [(person.email, "wrong horse battery"), (person.email, ""), (unique_email("nobody"), PASSWORD)]
    for email, password in attempts:
        answer = platform.call("POST", "/v1/auth/login", {"email": email, "password": password})
        assert answer.status == 401
        events.append(
            the_event(platform, answer, action="session.created", outcome="failed", actor_type="anonymous",
                      actor_id=None, target_type="address", tenant_id=None))
        assert email not in json.dumps(events[-1])
    assert events[0]["target_id"] == events[1]["target_id"] != events[2]["target_id"]


def test_what_changes_nothing_leaves_nothing(platform, team):
    answers = [team.call("owner", "POST", "/v1/tenants", {"nme": "x"}), team.call("owner", "GET", "/v1/me"),
               team.call("owner", "PATCH", "/v1/tenant", {"name": ""}), team.call("owner", "GET", "/v1/members?x=1"),
               team.call("owner", "DELETE", f"/v1/members/{team.owner.id}"), platform.call("GET", "/v1/nothing")]
    assert all(events_of(platform, answer) == [] for answer in answers)


def test_changes_over_sql_are_recorded_as_the_persons(platform, app_schema, team):
    word = unique("by sql")
    connection = platform.connect("app")
    connection.autocommit = False
    with connection.cursor() as cursor:
        for keep in (False, True):
            cursor.execute("SELECT factory.sign_in(%s, %s)", (team.owner.token, team.id))
            cursor.execute(f"INSERT INTO {app_schema.name}.marks (word) VALUES (%s)", (word,))
            (connection.commit if keep else connection.rollback)()
    connection.close()
    event, = [event for event in platform.events(team.id, action="marks.created") if event["after"]["word"] == word]
    assert (event["actor_id"], event["request_id"], event["outcome"]) == (team.owner.id, None, "success")


def test_secrets_are_in_no_event(platform):
    crew, guest = Crew(platform, ("owner",)), platform.register("guest", password=unique("password"))
    token = crew.invite(guest.email, "viewer")["token"]
    guest.call("POST", "/v1/invitations/accept", {"token": token})
    pair = platform.call("POST", "/v1/auth/refresh", {"refresh_token": guest.refresh_token}).json
    platform.call("POST", "/v1/auth/login", {"email": guest.email, "password": unique("wrong")})
    secrets = [
        guest.password, guest.token, guest.refresh_token, token,
        token.split(".")[1], pair["access_token"], pair["refresh_token"]]
    for table in ("audit_events", "platform_events"):
        text = platform.count(f"SELECT coalesce(string_agg(to_jsonb(e)::text, ' '), '') FROM factory.{table} e")
        assert not [secret for secret in secrets if secret in text]


def shown(crew, query=""):
    answer = crew.call("owner", "GET", f"/v1/audit-logs?limit=100{query and '&' + query}")
    assert answer.status == 200, answer
    return answer.json["data"]


def test_filters(platform):
    crew, guest = Crew(platform, ("owner", "admin", "viewer")), platform.register("guest")
    crew.call("viewer", "PATCH", "/v1/tenant", {"name": "x"})
    crew.call("admin", "PATCH", "/v1/tenant", {"name": "y"})
    crew.invite(guest.email, "viewer")
    every = shown(crew)
    assert len(every) == 8
    for name, pick in (("action", lambda row: row["action"]), ("outcome", lambda row: row["outcome"]),
                       ("actor", lambda row: row["actor"]["id"]),
                       ("target", lambda row: row["target"] and row["target"]["id"])):
        values = {pick(row) for row in every} - {None}
        for value in values:
            assert shown(crew, f"{name}={value}") == [row for row in every if pick(row) == value], (name, value)
        assert len(values) > 1 and shown(crew, f"{name}=nothing") == []
    middle = every[3]["occurred_at"]
    assert shown(crew, f"from={middle}") == [row for row in every if row["occurred_at"] >= middle]
    assert shown(crew, f"to={middle}") == [row for row in every if row["occurred_at"] < middle]
    assert shown(crew, f"from={middle}&to={middle}") == []
    assert shown(crew, "from=2001-01-01T00:00:00%2B02:00&to=2999-01-01T00:00:00.5Z") == every
    both = f"action=tenant.updated&outcome=denied&actor={crew.people['viewer'].id}"
    assert len(shown(crew, both)) == 1


def test_pages_stay_as_they_were_while_events_are_added(platform):
    crew = Crew(platform, ("owner", "viewer"))
    for number in range(6):
        crew.call("owner", "PATCH", "/v1/tenant", {"name": f"Name {number}"})
    expected = [row["id"] for row in shown(crew)]
    seen, cursor = [], ""
    while cursor is not None:
        page = crew.call("owner", "GET", f"/v1/audit-logs?limit=2{cursor and '&cursor=' + cursor}").json
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        crew.call("owner", "PATCH", "/v1/tenant", {"name": unique("Meanwhile")})
    assert seen == expected
    assert len(shown(crew)) > len(expected)


def test_no_role_of_the_platform_can_change_or_remove_an_event(platform, team):
    """Not even factory_owner, in whose name our functions write, with a context of the very workspace."""
    before = platform.events(team.id)
    roles = [
        row for (row,) in platform.admin(
            r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'factory\_%' OR rolname = 'app_login'")]
    assert len(roles) >= 7
    connection = platform.connect("admin")
    connection.autocommit = False
    with connection.cursor() as cursor:
        for role in roles:
            for table in ("audit_events", "audit_events_default", "platform_events"):
                for statement in (f"UPDATE factory.{table} SET action = 'x'", f"DELETE FROM factory.{table}",
                                  f"TRUNCATE factory.{table}", f"SELECT 1 FROM factory.{table} FOR UPDATE"):
                    cursor.execute("SELECT factory.sign_in(%s, %s)", (team.owner.token, team.id))
                    cursor.execute(f"SET LOCAL ROLE {role}")
                    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                        cursor.execute(statement)
                    connection.rollback()
        for role in (role for role in roles if role not in ("factory_owner", "factory_backup")):
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
                cursor.execute("SELECT bool_or(has_table_privilege(%s, c.oid, %s)) FROM pg_class c WHERE c.relname IN"
                               " ('audit_events', 'audit_events_default', 'platform_events')", (role, privilege))
                assert cursor.fetchone() == (False,), (role, privilege)
    connection.close()
    assert platform.events(team.id) == before
