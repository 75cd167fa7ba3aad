"""Webhooks as a workspace uses them: events of its audit log, signed (Standard Webhooks), delivered to real receivers."""

import base64
import hashlib
import hmac
import json
import time

import pytest

import platform_client
import receivers

pytestmark = pytest.mark.usefixtures("empty_queue")


@pytest.fixture
def workspace(platform):
    return platform_client.Crew(platform, roles=("owner", "staff"))


def make(workspace, url, events=("*",)):
    answer = workspace.call("owner", "POST", "/v1/webhooks", {"url": url, "events": list(events)})
    assert answer.status == 201, answer
    return answer.json


def rename(workspace, name="Renamed"):
    answer = workspace.call("owner", "PATCH", "/v1/tenant", {"name": platform_client.unique(name)})
    assert answer.status == 200, answer


def verified(headers, body, secret):
    """Whether one of the signatures is by that secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return wanted in headers["webhook-signature"].split(" ")


def arrived(receiver, count=1, seconds=8):
    assert platform_client.wait_until(lambda: len(receiver.requests) >= count, seconds), receiver.requests
    return receiver.requests


def test_an_event_arrives_signed(workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/200"))
    assert hook["secret"].startswith("whsec_") and len(base64.b64decode(hook["secret"][6:])) == 32
    rename(workspace)
    [(_, headers, body)] = arrived(receiver)
    assert verified(headers, body, hook["secret"])
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    event = json.loads(body)
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "tenant.updated", f"tenant/{workspace.id}")
    assert event["tenantid"] == workspace.id and event["source"] == f"/v1/tenants/{workspace.id}"
    assert event["data"]["actor"] == {"type": "user", "id": workspace.owner.id}
    assert event["data"]["before"]["name"] != event["data"]["after"]["name"]
    [logged] = workspace.platform.events(workspace.id, id=event["id"])
    assert logged["action"] == event["type"]


def test_the_secret_is_shown_once_and_never_stored_in_clear(platform, workspace, receiver):
    hook = make(workspace, receiver.url("/200"))
    for answer in (workspace.call("owner", "GET", f"/v1/webhooks/{hook['id']}"), workspace.call("owner", "GET", "/v1/webhooks")):
        assert answer.status == 200 and b"whsec" not in answer.body
    raw = base64.b64decode(hook["secret"][6:])
    assert platform.count("SELECT count(*) FROM factory.secrets WHERE position(%s::bytea IN sealed) > 0", raw) == 0
    events = json.dumps(platform.events(workspace.id))
    assert hook["secret"][6:] not in events


def test_only_what_was_asked_for_comes(workspace, receiver, start_relay):
    start_relay()
    make(workspace, receiver.url("/200"), ["member.role_changed"])
    make(workspace, receiver.url("/201"), ["tenant.updated", "member.removed"])
    rename(workspace)
    person = workspace.people["staff"].id
    assert workspace.call("owner", "PATCH", f"/v1/members/{person}", {"role": "viewer"}).status == 200
    arrived(receiver, 2)
    time.sleep(0.5)
    assert [json.loads(body)["type"] for _, _, body in receiver.seen("/200")] == ["member.role_changed"]
    assert [json.loads(body)["type"] for _, _, body in receiver.seen("/201")] == ["tenant.updated"]


def test_another_workspace_hears_nothing(platform, workspace, receiver, start_relay):
    start_relay()
    make(workspace, receiver.url("/200"))
    other = platform_client.Crew(platform, roles=("owner",))
    rename(other)
    rename(workspace)
    arrived(receiver)
    time.sleep(0.5)
    assert {json.loads(body)["tenantid"] for _, _, body in receiver.requests} == {workspace.id}


def test_sending_triggers_no_sending(platform, workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/404"))
    refused = make(workspace, f"https://127.0.0.1:{receiver.port + 1}/")
    for one in (hook, refused):
        assert workspace.call("owner", "POST", f"/v1/webhooks/{one['id']}/test").status == 202
    target = f"/v1/webhooks/{hook['id']}"
    assert workspace.call("owner", "POST", f"{target}/rotate-secret", {}).status == 200
    assert workspace.call("owner", "PATCH", target, {"description": "mine"}).status == 200
    arrived(receiver)
    assert platform_client.wait_until(lambda: deliveries(workspace, refused)[0]["status"] == "dead")
    assert platform_client.wait_until(lambda: deliveries(workspace, hook)[0]["attempts"] == 1)
    message = deliveries(workspace, hook)[0]["message_id"]
    assert workspace.call("owner", "POST", f"/v1/outbox/{message}/discard").status == 204
    time.sleep(0.5)
    assert len(platform.events(workspace.id, action="outbound.refused")) == 1
    assert [json.loads(body)["type"] for _, _, body in receiver.requests] == ["webhook.tested"]
    assert platform.count("SELECT count(*) FROM factory.outbox_messages WHERE tenant_id = %s AND source = 'webhook'",
                          workspace.id) == 2


def deliveries(workspace, hook):
    answer = workspace.call("owner", "GET", f"/v1/webhooks/{hook['id']}/deliveries")
    assert answer.status == 200, answer
    return answer.json["data"]


def test_a_test_send_shows_in_the_delivery_log(workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/200"), ["nothing.of_this_name"])
    answer = workspace.call("owner", "POST", f"/v1/webhooks/{hook['id']}/test")
    assert answer.status == 202 and answer.json["webhook_id"] == hook["id"]
    assert platform_client.wait_until(lambda: deliveries(workspace, hook)[0]["status"] == "delivered")
    [row] = deliveries(workspace, hook)
    assert (row["message_id"], row["event"], row["attempts"], row["last_status"]) == (
        answer.json["message_id"], "webhook.tested", 1, 200)
    [(_, headers, body)] = receiver.requests
    assert headers["webhook-id"] == row["message_id"] and verified(headers, body, hook["secret"])


def test_both_secrets_sign_while_they_overlap(platform, workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/200"))
    rotated = workspace.call("owner", "POST", f"/v1/webhooks/{hook['id']}/rotate-secret", {"overlap_seconds": 3600})
    assert rotated.status == 200 and rotated.json["secret"] != hook["secret"]
    rename(workspace)
    _, headers, body = arrived(receiver)[-1]
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verified(headers, body, hook["secret"]) and verified(headers, body, rotated.json["secret"])
    last = workspace.call("owner", "POST", f"/v1/webhooks/{hook['id']}/rotate-secret", {"overlap_seconds": 0}).json
    rename(workspace)
    _, headers, body = arrived(receiver, 2)[-1]
    assert verified(headers, body, last["secret"]) and not verified(headers, body, rotated.json["secret"])


def test_410_disables(platform, workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/410"))
    rename(workspace)
    state = lambda: workspace.call("owner", "GET", f"/v1/webhooks/{hook['id']}").json
    assert platform_client.wait_until(lambda: not state()["enabled"])
    assert state()["disabled_reason"] == "gone"
    [event] = platform.events(workspace.id, action="webhook.disabled")
    assert event["metadata"]["reason"] == "gone"
    rename(workspace)
    time.sleep(0.5)
    assert len(receiver.requests) == 1
    answer = workspace.call("owner", "POST", f"/v1/webhooks/{hook['id']}/test")
    assert answer.outcome == (409, "conflict")


def test_twenty_failures_in_a_row_disable(platform, workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/500"))
    failures = lambda: platform.count("SELECT failures FROM factory.webhook_endpoints WHERE id = %s", hook["id"])
    # A burst within a minute is one failure.
    for _ in range(3):
        rename(workspace)
    arrived(receiver, 3)
    assert platform_client.wait_until(lambda: failures() == 1)
    time.sleep(0.3)
    assert failures() == 1
    platform.admin("UPDATE factory.webhook_endpoints SET failures = 19, failed_at = now() - interval '2 minutes' WHERE id = %s",
                   hook["id"])
    rename(workspace)
    state = lambda: workspace.call("owner", "GET", f"/v1/webhooks/{hook['id']}").json
    assert platform_client.wait_until(lambda: state()["disabled_reason"] == "failing")
    assert {row["status"] for row in deliveries(workspace, hook)} == {"discarded"}
    enabled = workspace.call("owner", "PATCH", f"/v1/webhooks/{hook['id']}", {"enabled": True})
    assert enabled.status == 200 and enabled.json["failures"] == 0 and enabled.json["disabled_reason"] is None


def test_a_delivery_ends_the_count(platform, workspace, receiver, start_relay):
    start_relay()
    hook = make(workspace, receiver.url("/200"))
    platform.admin("UPDATE factory.webhook_endpoints SET failures = 19 WHERE id = %s", hook["id"])
    rename(workspace)
    arrived(receiver)
    assert platform_client.wait_until(
        lambda: platform.count("SELECT failures FROM factory.webhook_endpoints WHERE id = %s", hook["id"]) == 0)


def test_a_deleted_endpoint_gets_nothing_more(platform, workspace, receiver, start_relay):
    hook = make(workspace, receiver.url("/200"))
    rename(workspace)
    assert workspace.call("owner", "DELETE", f"/v1/webhooks/{hook['id']}").status == 204
    rename(workspace)
    start_relay()
    time.sleep(1.5)
    assert not receiver.requests
    assert platform.count("SELECT count(*) FROM factory.secrets WHERE name = %s", f"webhook/{hook['id']}") == 0


@pytest.mark.parametrize("body, pointer", [
    ({"url": "ftp://example.com/", "events": ["*"]}, "#/url"), ({"url": "https://a:b@example.com/", "events": ["*"]}, "#/url"),
    ({"url": "https://example.com/#x", "events": ["*"]}, "#/url"), ({"url": "https://example.com/", "events": []}, "#/events"),
    ({"url": "https://example.com/", "events": ["a b"]}, "#/events"), ({"url": "https://example.com/", "events": ["x"] * 51}, "#/events"),
    ({"url": "https://example.com/", "events": "*"}, "#/events"), ({"url": "https://example.com/"}, "#/events"),
    ({"events": ["*"]}, "#/url"), ({"url": "https://example.com/", "events": ["*"], "secret": "whsec_x"}, "#/secret"),
])
def test_bad_endpoints_are_refused(crew, body, pointer):
    answer = crew.call("owner", "POST", "/v1/webhooks", body)
    assert answer.outcome == (422, "validation_failed") and [p for p, _ in answer.pointers] == [pointer]


def test_http_needs_a_network_that_operators_opened(platform, crew):
    platform.admin("DELETE FROM factory.outbound_networks")
    answer = crew.call("owner", "POST", "/v1/webhooks", {"url": "http://example.com/", "events": ["*"]})
    assert answer.outcome == (422, "validation_failed")


def test_a_workspace_has_twenty_at_most(platform):
    workspace = platform_client.Crew(platform, roles=("owner",))
    for n in range(20):
        make(workspace, f"https://example.com/{n}")
    answer = workspace.call("owner", "POST", "/v1/webhooks", {"url": "https://example.com/", "events": ["*"]})
    assert answer.outcome == (409, "conflict")


def test_webhooks_are_for_those_who_manage_connectors(platform, crew, receiver):
    hook = crew.call("owner", "POST", "/v1/webhooks", {"url": "https://example.com/", "events": ["x"]}).json
    other = platform_client.Crew(platform, roles=("owner",))
    target = f"/v1/webhooks/{hook['id']}"
    for method, path, body in (("GET", "/v1/webhooks", None), ("POST", "/v1/webhooks", {"url": "https://x.example/", "events": ["*"]}),
                               ("GET", target, None), ("PATCH", target, {"enabled": False}), ("DELETE", target, None),
                               ("POST", f"{target}/test", None), ("POST", f"{target}/rotate-secret", {}),
                               ("GET", f"{target}/deliveries", None)):
        for role in ("staff", "viewer"):
            assert crew.call(role, method, path, body).outcome == (403, "forbidden"), (role, method, path)
        if path.startswith(target) and not path.endswith("deliveries"):
            assert other.call("owner", method, path, body).outcome == (404, "not_found"), (method, path)
    assert crew.call("owner", "DELETE", target).status == 204


def test_messages_without_a_usable_key_wait(platform, workspace, receiver, start_relay):
    hook = make(workspace, receiver.url("/200"))
    rename(workspace)
    platform.admin("UPDATE factory.secrets SET sealed = overlay(sealed placing '\\x00' FROM 40 FOR 1) WHERE tenant_id = %s", workspace.id)
    start_relay()
    assert platform_client.wait_until(lambda: deliveries(workspace, hook)[0]["last_detail"] is not None)
    [row] = deliveries(workspace, hook)
    assert row["status"] == "waiting" and row["last_detail"].startswith("it cannot be prepared")
    assert not receiver.requests
