"""Who may do what to whom: nobody acts above their own role, the last owner stays, and a change bites at once."""

import threading

import psycopg2
import pytest

from platform_client import ROLES, Crew, unique_email

RANK = {role: len(ROLES) - index for index, role in enumerate(ROLES)}
MAY_MANAGE = ("owner", "admin")


@pytest.fixture
def pair(platform):
    """A workspace with an owner, an admin and one more member whose role a test sets."""
    return Crew(platform, ("owner", "admin", "viewer"))


@pytest.fixture(scope="module")
def full(platform):
    """A workspace with every role, and one member who is given each role in turn."""
    crew = Crew(platform)
    crew.target = platform.register("target")
    crew.bring_in(crew.target, "viewer")
    return crew


def set_role(crew, person, role):
    answer = crew.call("owner", "PATCH", f"/v1/members/{person.id}", {"role": role})
    assert answer.status == 200, answer


def may_change(actor, before, after):
    return actor in MAY_MANAGE and RANK[before] <= RANK[actor] and RANK[after] <= RANK[actor]


@pytest.mark.parametrize("before", ROLES)
@pytest.mark.parametrize("actor", ROLES)
def test_changing_a_role(full, actor, before):
    for after in ROLES:
        set_role(full, full.target, before)
        answer = full.call(actor, "PATCH", f"/v1/members/{full.target.id}", {"role": after})
        if may_change(actor, before, after):
            assert answer.status == 200 and answer.json["role"] == after
            assert full.role_of(full.target) == after
        else:
            assert answer.outcome == (403, "forbidden"), (actor, before, after)
            assert full.role_of(full.target) == before


@pytest.mark.parametrize("actor, before, allowed", [
    ("owner", "owner", True), ("owner", "viewer", True), ("admin", "owner", False), ("admin", "admin", True),
    ("admin", "staff", True), ("staff", "viewer", False), ("viewer", "viewer", False), ("viewer", "owner", False)])
def test_removing_a_member(platform, full, actor, before, allowed):
    target = platform.register("removed")
    full.bring_in(target, before)
    answer = full.call(actor, "DELETE", f"/v1/members/{target.id}")
    assert answer.outcome == (204 if allowed else (403, "forbidden"))
    assert full.role_of(target) == (None if allowed else before)
    assert target.call("GET", "/v1/tenant", tenant=full.id).status == (404 if allowed else 200)
    if not allowed:
        full.call("owner", "DELETE", f"/v1/members/{target.id}")


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ROLES)
def test_inviting_with_a_role(full, actor, role):
    answer = full.call(actor, "POST", "/v1/invitations", {"email": unique_email("guest"), "role": role})
    if may_change(actor, "viewer", role):
        assert answer.status == 201
        assert full.call(actor, "DELETE", f"/v1/invitations/{answer.json['id']}").status == 204
    else:
        assert answer.outcome == (403, "forbidden")


@pytest.mark.parametrize("role",
                         ["", "Owner", "superuser", "factory_owner", "owner ", None, 1, ["owner"], "platform_admin"])
def test_roles_that_are_none(full, role):
    path = f"/v1/members/{full.target.id}"
    before = full.role_of(full.target)
    answer = full.call("owner", "PATCH", path, {"role": role})
    assert answer.outcome == (422, "validation_failed") and answer.pointers[0][0] == "#/role"
    assert full.role_of(full.target) == before
    answer = full.call("owner", "POST", "/v1/invitations", {"email": unique_email(), "role": role})
    assert answer.outcome == (422, "validation_failed") and answer.pointers[0][0] == "#/role"


def test_nobody_makes_oneself_more(full):
    for role in ("admin", "staff", "viewer"):
        person = full.people[role]
        answer = full.call(role, "PATCH", f"/v1/members/{person.id}", {"role": "owner"})
        assert answer.outcome == (403, "forbidden") and full.role_of(person) == role


def test_the_last_owner_stays(platform, pair):
    owner = pair.owner
    path = f"/v1/members/{owner.id}"
    for role in ("admin", "staff", "viewer"):
        assert pair.call("owner", "PATCH", path, {"role": role}).outcome == (409, "last_owner")
    assert pair.call("owner", "DELETE", path).outcome == (409, "last_owner")
    assert pair.role_of(owner) == "owner"
    assert owner.call("GET", "/v1/me").json["memberships"][0]["role"] == "owner"
    assert pair.call("owner", "PATCH", path, {"role": "owner"}).status == 200
    set_role(pair, pair.people["viewer"], "owner")
    assert pair.call("owner", "DELETE", path).status == 204
    last = pair.people["viewer"]
    enter = last.enter(pair.workspace)
    assert enter("DELETE", f"/v1/members/{last.id}").outcome == (409, "last_owner")


def test_of_two_owners_who_leave_at_once_one_stays(platform):
    for how in (("PATCH", {"role": "viewer"}), ("DELETE", None)):
        crew = Crew(platform, ("owner", "admin"))
        set_role(crew, crew.people["admin"], "owner")
        outcomes = []

        def leave(person):
            outcomes.append(person.call(how[0], f"/v1/members/{person.id}", how[1], tenant=crew.id).status)

        threads = [threading.Thread(target=leave, args=(person,)) for person in crew.people.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) in ([200, 409], [204, 409]), outcomes
        owners = "SELECT count(*) FROM factory.memberships WHERE tenant_id = %s AND role = 'owner'"
        assert platform.count(owners, crew.id) == 1


def test_an_owner_can_be_swapped_in_one_transaction(platform, pair):
    """The rule is about how a transaction ends, so owners may change places within one."""
    connection = platform.connect("app")
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("SELECT factory.sign_in(%s, %s)", (pair.owner.token, pair.id))
        cursor.execute("SELECT factory.update_member(%s, 'owner')", (pair.people["viewer"].id,))
        cursor.execute("SELECT factory.update_member(%s, 'staff')", (pair.owner.id,))
    connection.commit()
    with connection.cursor() as cursor:
        cursor.execute("SELECT factory.sign_in(%s, %s)", (pair.people["viewer"].token, pair.id))
        cursor.execute("SELECT factory.update_member(%s, 'staff')", (pair.people["viewer"].id,))
    with pytest.raises(psycopg2.Error) as refusal:
        connection.commit()
    assert refusal.value.pgcode == "PT409"
    connection.close()
    owners = "SELECT user_id::text FROM factory.memberships WHERE tenant_id = %s AND role = 'owner'"
    assert platform.admin(owners, pair.id) == [(pair.people["viewer"].id,)]


def test_a_new_role_bites_on_the_next_call(pair):
    viewer = pair.people["viewer"]
    rename = ("PATCH", "/v1/tenant", {"name": "By a viewer"})
    assert pair.call("viewer", *rename).outcome == (403, "forbidden")
    set_role(pair, viewer, "admin")
    assert pair.call("viewer", *rename).status == 200
    assert viewer.call("GET", "/v1/me").json["memberships"][0]["role"] == "admin"
    set_role(pair, viewer, "viewer")
    assert pair.call("viewer", *rename).outcome == (403, "forbidden")
    assert pair.call("viewer", "GET", "/v1/audit-logs").outcome == (403, "forbidden")


def test_removal_bites_on_the_next_call_and_ends_nothing_else(platform, pair):
    viewer = pair.people["viewer"]
    assert pair.call("viewer", "GET", "/v1/members").status == 200
    pair.call("admin", "DELETE", f"/v1/members/{viewer.id}")
    assert pair.call("viewer", "GET", "/v1/members").outcome == (404, "tenant_not_found")
    me = viewer.call("GET", "/v1/me")
    assert me.status == 200 and me.json["memberships"] == []
    pair.bring_in(viewer, "staff")
    assert pair.call("viewer", "GET", "/v1/members").status == 200


def test_members_may_leave_only_by_somebody_who_manages(pair):
    viewer = pair.people["viewer"]
    assert pair.call("viewer", "DELETE", f"/v1/members/{viewer.id}").outcome == (403, "forbidden")
    admin = pair.people["admin"]
    assert pair.call("admin", "DELETE", f"/v1/members/{admin.id}").status == 204


def test_a_deleted_workspace_answers_nobody(platform, pair):
    platform.admin("UPDATE factory.tenant_records SET status = 'deleted' WHERE id = %s", pair.id)
    for role in pair.people:
        assert pair.call(role, "GET", "/v1/tenant").outcome == (423, "tenant_deleted")
    stranger = platform.register()
    assert stranger.call("GET", "/v1/tenant", tenant=pair.id).outcome == (404, "tenant_not_found")
