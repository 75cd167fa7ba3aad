"""Invitations: for one address, once, in time; what is in the way is said, and a stranger learns nothing."""

import threading

import pytest

from platform_client import Crew, decode, encode, hash_of, unique, unique_email

GONE = (410, "invitation_gone")


@pytest.fixture(scope="module")
def team(platform):
    return Crew(platform)


def accept(person, token, **options):
    return person.call("POST", "/v1/invitations/accept", {"token": token}, **options)


def status_of(platform, invitation):
    return platform.count("SELECT status FROM factory.invitations WHERE id = %s", invitation["id"])


@pytest.mark.parametrize("role", ["owner", "admin", "staff", "viewer"])
def test_the_invited_enters_with_the_role(platform, team, role):
    guest = platform.register("guest")
    invitation = team.invite(guest.email, role)
    answer = accept(guest, invitation["token"])
    assert answer.status == 200 and answer.json["role"] == role and answer.json["tenant"]["id"] == team.id
    assert team.role_of(guest) == role
    assert status_of(platform, invitation) == "accepted"
    row = platform.admin("SELECT accepted_by::text, accepted_at IS NOT NULL FROM factory.invitations WHERE id = %s",
                         invitation["id"])
    assert row == [(guest.id, True)]
    membership, = guest.call("GET", "/v1/me").json["memberships"]
    assert membership["role"] == role and membership["tenant"]["id"] == team.id


def test_another_address_cannot_use_it(platform, team):
    invitation = team.invite(unique_email("guest"), "staff")
    thief = platform.register("thief")
    assert accept(thief, invitation["token"]).outcome == (403, "invitation_address_mismatch")
    assert accept(team.owner, invitation["token"]).outcome == (403, "invitation_address_mismatch")
    assert team.role_of(thief) is None and status_of(platform, invitation) == "open"


def test_the_address_is_compared_as_it_is_kept(platform, team):
    guest = platform.register("guest")
    invitation = team.invite(guest.email.upper(), "viewer")
    assert accept(guest, invitation["token"]).status == 200


def test_it_works_once(platform, team):
    guest = platform.register("guest")
    invitation = team.invite(guest.email, "viewer")
    assert accept(guest, invitation["token"]).status == 200
    assert accept(guest, invitation["token"]).outcome == GONE
    team.call("owner", "DELETE", f"/v1/members/{guest.id}")
    assert accept(guest, invitation["token"]).outcome == GONE
    assert team.role_of(guest) is None


def test_it_works_once_of_many_at_once(platform, team):
    guest = platform.register("guest")
    token, outcomes = team.invite(guest.email, "viewer")["token"], []
    threads = [threading.Thread(target=lambda: outcomes.append(accept(guest, token).status)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200, 410, 410, 410, 410, 410]
    assert len(platform.events(team.id, action="invitation.accepted", actor_id=guest.id)) == 1


def test_an_expired_one_is_gone_and_makes_room(platform, team):
    guest = platform.register("guest")
    invitation = team.invite(guest.email, "viewer")
    platform.admin("UPDATE factory.invitations SET expires_at = clock_timestamp() WHERE id = %s", invitation["id"])
    assert accept(guest, invitation["token"]).outcome == GONE
    listed = {row["id"]: row["status"] for row in team.call("owner", "GET", "/v1/invitations?limit=100").json["data"]}
    assert listed[invitation["id"]] == "expired"
    again = team.invite(guest.email, "staff")
    assert status_of(platform, invitation) == "expired"
    assert accept(guest, invitation["token"]).outcome == GONE
    assert accept(guest, again["token"]).json["role"] == "staff"


def test_a_withdrawn_one_is_gone_and_makes_room(platform, team):
    guest = platform.register("guest")
    invitation = team.invite(guest.email, "viewer")
    assert team.call("admin", "DELETE", f"/v1/invitations/{invitation['id']}").status == 204
    assert accept(guest, invitation["token"]).outcome == GONE
    assert accept(guest, team.invite(guest.email, "viewer")["token"]).status == 200


def test_a_second_one_waits_for_the_first(platform, team):
    email = unique_email("guest")
    invitation = team.invite(email, "viewer")
    for address in (email, email.upper()):
        answer = team.call("admin", "POST", "/v1/invitations", {"email": address, "role": "staff"})
        assert answer.outcome == (409, "invitation_pending")
    assert status_of(platform, invitation) == "open"


def test_two_at_once_for_an_address_are_one(platform, team):
    email, outcomes = unique_email("guest"), []
    threads = [threading.Thread(target=lambda: outcomes.append(
        team.call("owner", "POST", "/v1/invitations", {"email": email, "role": "viewer"}).status)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [201, 409, 409, 409]


def test_a_member_is_not_invited_again(platform, team):
    answer = team.call("owner", "POST", "/v1/invitations", {"email": team.people["staff"].email, "role": "admin"})
    assert answer.outcome == (409, "already_member")
    assert team.role_of(team.people["staff"]) == "staff"


def test_who_became_a_member_meanwhile_keeps_that_role(platform, team):
    guest = platform.register("guest")
    invitation = team.invite(guest.email, "admin")
    platform.admin("BEGIN; INSERT INTO factory.memberships (tenant_id, user_id, role) VALUES (%s, %s, 'viewer');"
                   "INSERT INTO factory.user_tenants (tenant_id, user_id, role) VALUES (%s, %s, 'viewer'); COMMIT",
                   team.id, guest.id, team.id, guest.id)
    assert accept(guest, invitation["token"]).outcome == (409, "already_member")
    assert team.role_of(guest) == "viewer"


@pytest.mark.parametrize("role", ["staff", "viewer"])
def test_who_may_not_manage_members_sees_and_makes_none(team, role):
    assert team.call(role, "POST", "/v1/invitations",
                     {"email": unique_email(), "role": "viewer"}).outcome == (403, "forbidden")
    assert team.call(role, "GET", "/v1/invitations").outcome == (403, "forbidden")
    invitation = team.invite(unique_email("guest"), "viewer")
    assert team.call(role, "DELETE", f"/v1/invitations/{invitation['id']}").outcome == (403, "forbidden")


def test_accepting_opens_the_right_one_of_two(platform):
    first, second = Crew(platform, ("owner",)), Crew(platform, ("owner",))
    guest = platform.register("guest")
    tokens = {crew.id: crew.invite(guest.email, "viewer")["token"] for crew in (first, second)}
    for crew in (second, first):
        answer = accept(guest, tokens[crew.id])
        assert answer.json["tenant"]["id"] == crew.id
        shown = guest.call("GET", "/v1/tenant", tenant=answer.json["tenant"]["id"])
        assert shown.json["name"] == crew.workspace["name"]


def test_tokens_that_are_none_look_alike(platform, team):
    other = Crew(platform, ("owner",))
    guest = platform.register("guest")
    token = team.invite(guest.email, "viewer")["token"]
    tenant, secret = token.split(".")
    foreign = other.invite(unique_email("guest"), "viewer")["token"].split(".")[0]
    bad = [
        "", "x", ".", token[:-1], token + "A", f"{foreign}.{secret}", f"{'0' * 22}.{secret}", f"{'z' * 22}.{secret}",
        secret, tenant + ".", f"{tenant}.{encode(bytes(32))}", f"{tenant}.{decode(secret).hex()}",
        token.swapcase(), " " + token, token + "\n", "é" * 22 + "." + secret, "x" * 100_000,
        hash_of(token).hex()]
    answers = [accept(guest, one) for one in bad]
    assert {answer.outcome for answer in answers} == {GONE}
    assert len({answer.body.replace(answer.headers["x-request-id"].encode(), b"") for answer in answers}) == 1
    assert accept(guest, token).status == 200


def test_a_guest_needs_an_account_first(platform, team):
    token = team.invite(unique_email("guest"), "viewer")["token"]
    assert platform.call("POST", "/v1/invitations/accept", {"token": token}).outcome == (401, "unauthenticated")


def test_the_token_is_kept_as_a_hash_alone(platform, team):
    token = team.invite(unique_email("guest"), "viewer")["token"]
    assert platform.count("SELECT count(*) FROM factory.invitations WHERE token_hash = %s", hash_of(token)) == 1
    for table in ("invitations", "audit_events", "platform_events"):
        text = platform.count(f"SELECT coalesce(string_agg(t::text, ''), '') FROM factory.{table} t")
        assert token not in text and token.split(".")[1] not in text


@pytest.mark.parametrize(
    "email", ["", "x", "@", "a@b@c", "a b@example.com", "x" * 300 + "@example.com", None, 1,
              unique("no-at")])
def test_addresses_that_are_none(team, email):
    answer = team.call("owner", "POST", "/v1/invitations", {"email": email, "role": "viewer"})
    assert answer.outcome == (422, "validation_failed") and answer.pointers[0][0] == "#/email"
