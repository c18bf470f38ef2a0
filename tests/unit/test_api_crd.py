"""From models to a structural schema: what the apiserver would refuse is refused here, with the path of the field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from walletmon.api.base import Model
from walletmon.api.crd import Schema, SchemaError, crd_yaml, crds, structural_schema

Text = Annotated[str, Field(description="a text")]


each_definition = pytest.mark.parametrize("crd", crds().values(), ids=crds())


@each_definition
def test_the_text_is_the_same_each_time_and_reads_as_what_it_was_made_from(crd: Schema) -> None:
    assert crd_yaml(crd) == crd_yaml(crd)
    assert crds()[f"{crd['spec']['names']['plural']}.yaml"] == crd
    assert yaml.safe_load(crd_yaml(crd)) == crd


@each_definition
def test_a_definition_fits_what_kubectl_apply_keeps_of_it(crd: Schema) -> None:
    """kubectl's client-side apply copies the object into an annotation of at most 256 KiB."""
    assert len(crd_yaml(crd).encode()) < 200_000


def test_what_is_left_out_is_optional_and_no_null_is_stored() -> None:
    class Optional(Model):
        given: Text
        maybe: Annotated[str | None, Field(description="perhaps a text")] = None
        usual: Annotated[int, Field(description="a number")] = 3

    schema = structural_schema(Optional)
    assert schema["required"] == ["given"]
    assert schema["properties"]["maybe"] == {"type": "string", "description": "perhaps a text"}
    assert schema["properties"]["usual"] == {
        "type": "integer",
        "format": "int64",
        "default": 3,
        "description": "a number",
    }


def test_references_are_written_out_and_the_fields_own_description_wins() -> None:
    class Inner(Model):
        """What it is in general."""

        text: Text

    class Outer(Model):
        one: Annotated[Inner, Field(description="What it is here.")]
        many: Annotated[list[Inner], Field(description="Several.")]

    properties = structural_schema(Outer)["properties"]
    assert "$ref" not in str(properties)
    assert properties["one"]["description"] == "What it is here."
    assert properties["many"]["items"]["description"] == "What it is in general."
    assert properties["many"]["items"]["properties"]["text"]["type"] == "string"


def test_names_in_documents_are_camel_case() -> None:
    class Named(Model):
        long_name: Text
        from_: Annotated[str, Field(alias="from", description="a text")]

    assert set(structural_schema(Named)["properties"]) == {"longName", "from"}


def test_times_sets_and_choices_are_said_as_kubernetes_says_them() -> None:
    class Said(Model):
        at: Annotated[datetime, Field(description="a time")]
        some: Annotated[set[str], Field(description="a set")]
        one_of: Annotated[Literal["a", "b"], Field(description="a choice")]
        only: Annotated[Literal["a"], Field(description="no choice")]

    properties = structural_schema(Said)["properties"]
    assert properties["at"] == {"type": "string", "format": "date-time", "description": "a time"}
    assert properties["some"]["x-kubernetes-list-type"] == "set"
    assert properties["oneOf"]["enum"] == ["a", "b"]
    assert properties["only"]["enum"] == ["a"]


def _model(annotation: Any) -> type[Model]:
    return type("Wrong", (Model,), {"__annotations__": {"field": annotation}, "__module__": __name__})


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        (Annotated[str | int, Field(description="x")], "Wrong.field: a union cannot be said in a structural schema"),
        (Annotated[Any, Field(description="x")], "Wrong.field: no single type"),
        (Annotated[float, Field(description="x")], "Wrong.field: no single type ('number')"),
        (Annotated[dict[str, Any], Field(description="x")], "Wrong.field"),
        (Annotated[list[dict[str, str | int]], Field(description="x")], "Wrong.field[].*: a union"),
        (str, "Wrong.field: a field needs a description"),
    ],
)
def test_what_the_apiserver_would_not_take_is_told_with_its_path(annotation: Any, says: str) -> None:
    with pytest.raises(SchemaError) as refused:
        structural_schema(_model(annotation))
    assert says in str(refused.value)
