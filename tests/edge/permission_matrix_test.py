"""14 capabilities x 4 roles, over HTTP and over SQL: what the table says is what the gate does."""

import json

import psycopg2
import pytest

from platform_client import ROLES

# The design's table: X holds, . does not; columns as in ROLES.
TABLE = """
workspace.view    XXXX
workspace.manage  XX..
workspace.delete  X...
members.manage    XX..
modules.manage    XX..
connectors.manage XX..
api_keys.manage   XX..
records.write     XXX.
ai.use            XXX.
publish.manage    XX..
billing.manage    X...
audit.view        XX..
data.export       XX..
compliance.manage XX..
"""
MATRIX = {line.split()[0]: {role: cell == "X" for role, cell in zip(ROLES, line.split()[1])}
          for line in TABLE.strip().splitlines()}
CELLS = [(capability, role) for capability in MATRIX for role in ROLES]


@pytest.fixture(scope="module")
def calls(app_schema):
    """One call for each capability: it leaves a mark with the capability's name."""
    return {
        capability: app_schema.add(f"use_{capability.replace('.', '_')}(word text)",
                                   f"INSERT INTO {app_schema.name}.marks (word) VALUES (word) RETURNING id", "POST",
                                   capability.replace(".", "/"), requires=capability, audit_action="mark.made")
        for capability in MATRIX}


def test_the_matrix_has_the_cells_of_the_design(platform):
    assert len(CELLS) == 56 and sum(held for row in MATRIX.values() for held in row.values()) == 30
    shown = platform.call("GET", "/v1/permissions").json["data"]
    assert {row.pop("capability"): row for row in shown} == MATRIX
    assert platform.admin("SELECT * FROM factory.permission_matrix()") == [
        (capability, *row.values()) for capability, row in MATRIX.items()]
    for role in ROLES:
        held = [capability for capability, row in MATRIX.items() if row[role]]
        assert platform.count("SELECT factory.role_capabilities(%s)", role) == held


@pytest.mark.parametrize("capability, role", CELLS)
def test_over_http(platform, crew, app_schema, calls, capability, role):
    word = f"http {capability} {role}"
    answer = crew.call(role, "POST", calls[capability], {"word": word})
    if MATRIX[capability][role]:
        assert answer.status == 200 and app_schema.marks(word) == 1
    else:
        assert answer.outcome == (403, "forbidden") and app_schema.marks(word) == 0
        denied = platform.events(crew.id, request_id=answer.headers["x-request-id"])
        assert [(event["action"], event["outcome"], event["actor_id"]) for event in denied] == [
            ("mark.made", "denied", crew.people[role].id)]


@pytest.mark.parametrize("capability, role", CELLS)
def test_over_sql(platform, crew, app_schema, calls, capability, role):
    word = f"sql {capability} {role}"
    function = f"{app_schema.name}.use_{capability.replace('.', '_')}"
    connection = platform.connect("app")
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT factory.sign_in(%s, %s)", (crew.people[role].token, crew.id))
            cursor.execute("SELECT factory.can(%s), factory.role_name()", (capability,))
            assert cursor.fetchone() == (MATRIX[capability][role], role)
            if MATRIX[capability][role]:
                cursor.execute("SELECT factory.require(%s)", (capability,))
                cursor.execute(f"SELECT {function}(%s)", (word,))
            else:
                for statement, value in (("SELECT factory.require(%s)", capability), (f"SELECT {function}(%s)", word)):
                    cursor.execute("SAVEPOINT before")
                    with pytest.raises(psycopg2.errors.InsufficientPrivilege) as refusal:
                        cursor.execute(statement, (value,))
                    assert json.loads(refusal.value.diag.message_detail)["code"] == "forbidden"
                    cursor.execute("ROLLBACK TO before")
        connection.commit()
    finally:
        connection.close()
    assert app_schema.marks(word) == MATRIX[capability][role]


def test_without_a_context_the_gate_is_shut(platform, app_schema, calls):
    connection = platform.connect("app")
    with connection.cursor() as cursor:
        for capability in MATRIX:
            with pytest.raises(psycopg2.errors.InvalidAuthorizationSpecification):
                cursor.execute(f"SELECT {app_schema.name}.use_{capability.replace('.', '_')}('nobody')")
    connection.close()
    assert app_schema.marks("nobody") == 0
