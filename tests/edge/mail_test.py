"""Mails against a real mail server: what arrives, what is refused for good and for now, and what waits without a server."""

import time

import pytest

import platform_client
import receivers

pytestmark = pytest.mark.usefixtures("empty_queue")


@pytest.fixture
def mailbox():
    server = receivers.MailReceiver()
    yield server
    server.close()


@pytest.fixture(scope="module")
def workspace(platform):
    return platform_client.Crew(platform, roles=("owner",))


def invite(workspace, email=None):
    email = email or platform_client.unique_email("guest")
    return email, workspace.invite(email, "staff")["token"]


def outbox(workspace, email):
    answer = workspace.call("owner", "GET", "/v1/outbox")
    assert answer.status == 200, answer
    return next(row for row in answer.json["data"] if row["destination"] == email)


def text_of(message, kind="plain"):
    return message.get_body(preferencelist=(kind,)).get_content()


def test_an_invitation_arrives_and_opens_the_workspace(platform, workspace, mailbox, start_relay):
    start_relay(SMTP_URL=mailbox.url)
    email, token = invite(workspace)
    assert platform_client.wait_until(lambda: mailbox.to(email))
    [(sender, _, message)] = mailbox.to(email)
    assert sender == "no-reply@localhost.localdomain"
    assert message["subject"].startswith("Owner invites you to Crew-")
    assert message["to"] == email
    assert message["auto-submitted"] == "auto-generated"
    row = outbox(workspace, email)
    assert message["message-id"] == f"<{row['id']}@localhost.localdomain>"
    link = f"http://127.0.0.1:8080/accept-invitation#token={token}"
    assert link in text_of(message) and link in text_of(message, "html")
    assert platform_client.wait_until(lambda: outbox(workspace, email)["status"] == "delivered")
    assert platform.count("SELECT count(*) FROM factory.secrets WHERE name = %s", f"mail/{row['id']}") == 0


def test_the_link_never_comes_from_the_request(workspace, mailbox, start_relay):
    start_relay(SMTP_URL=mailbox.url)
    email = platform_client.unique_email()
    answer = workspace.call("owner", "POST", "/v1/invitations", {"email": email, "role": "viewer"},
                            headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.status == 201
    assert platform_client.wait_until(lambda: mailbox.to(email))
    assert "evil.example" not in str(mailbox.to(email)[0][2])


def test_names_from_people_stay_text(platform, mailbox, start_relay):
    start_relay(SMTP_URL=mailbox.url)
    workspace = platform_client.Crew(platform, roles=("owner",))
    assert workspace.call("owner", "PATCH", "/v1/tenant", {"name": "<b>Grüße & Co</b>"}).status == 200
    email, _ = invite(workspace)
    assert platform_client.wait_until(lambda: mailbox.to(email))
    message = mailbox.to(email)[0][2]
    assert message["subject"] == "Owner invites you to <b>Grüße & Co</b>"
    assert "&lt;b&gt;Grüße &amp; Co&lt;/b&gt;" in text_of(message, "html")
    assert "<b>Grüße & Co</b>" in text_of(message)


def test_refusals_of_the_mail_server_count(workspace, mailbox, start_relay):
    start_relay(SMTP_URL=mailbox.url)
    gone, _ = invite(workspace, f"{platform_client.unique('a')}@reject.example.com")
    later, _ = invite(workspace, f"{platform_client.unique('b')}@defer.example.com")
    assert platform_client.wait_until(lambda: outbox(workspace, gone)["status"] == "dead")
    assert outbox(workspace, gone)["last_status"] == 550
    assert platform_client.wait_until(lambda: outbox(workspace, later)["attempts"] == 1)
    row = outbox(workspace, later)
    assert (row["status"], row["last_status"]) == ("waiting", 451)
    assert not mailbox.mails


def test_without_a_mail_server_mails_wait(workspace, receiver, mailbox, start_relay):
    relay = start_relay()
    email, _ = invite(workspace)
    time.sleep(1.5)
    row = outbox(workspace, email)
    assert (row["status"], row["attempts"], row["topic"]) == ("waiting", 0, "invitation")
    relay.end()
    start_relay(SMTP_URL=mailbox.url)
    assert platform_client.wait_until(lambda: mailbox.to(email))


def test_a_mail_server_that_is_away_loses_nothing(platform, workspace, mailbox, start_relay):
    start_relay(SMTP_URL="smtp://127.0.0.1:1")
    email, _ = invite(workspace)
    assert platform_client.wait_until(lambda: outbox(workspace, email)["attempts"] == 1)
    row = outbox(workspace, email)
    assert (row["status"], row["last_status"], row["last_detail"]) == ("waiting", None, "no connection could be made")


def test_a_password_goes_over_tls_alone(workspace, mailbox, start_relay):
    start_relay(SMTP_URL=mailbox.url.replace("smtp://", "smtp://user:secret@"))
    email, _ = invite(workspace)
    assert platform_client.wait_until(lambda: outbox(workspace, email)["attempts"] == 1)
    assert outbox(workspace, email)["status"] == "waiting"
    assert not mailbox.mails


def test_owners_hear_of_a_disabled_webhook(platform, mailbox, receiver, start_relay):
    start_relay(SMTP_URL=mailbox.url)
    workspace = platform_client.Crew(platform, roles=("owner",))
    hook = workspace.call("owner", "POST", "/v1/webhooks", {"url": receiver.url("/410"), "events": ["*"]}).json
    assert workspace.call("owner", "POST", f"/v1/webhooks/{hook['id']}/test").status == 202
    assert platform_client.wait_until(lambda: mailbox.to(workspace.owner.email))
    [(_, _, message)] = mailbox.to(workspace.owner.email)
    assert f"127.0.0.1:{receiver.port}" in text_of(message) and "wants no more calls" in text_of(message)


def test_previews(crew):
    answer = crew.call("owner", "GET", "/v1/mail/templates/invitation/preview")
    assert answer.status == 200 and answer.json["subject"] == "Ann invites you to Acme"
    assert "https://platform.example.com/accept-invitation#token=sample" in answer.json["html"]
    assert crew.call("owner", "GET", "/v1/mail/templates/nothing/preview").outcome == (404, "not_found")
    assert crew.call("staff", "GET", "/v1/mail/templates/invitation/preview").outcome == (403, "forbidden")
