"""The test double decides as the real one does, is made in milliseconds, and leaves nothing behind."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.errors import ConfigurationError
from gatepost.settings import Settings
from gatepost.testing import TestGatepost

MODEL = """model
  schema 1.1
type user
type folder
  relations
    define parent: [folder]
    define owner: [user]
    define writer: [user] or owner
    define view: [user] or writer or view from parent
    define write: writer
    define delete: owner
"""


def may(gatepost: TestGatepost, subject: str, action: str, resource: str) -> bool:
    return gatepost.gate.check(subject, action, resource).allowed


def test_allow_gives_the_action_and_as_little_else_as_the_model_can() -> None:
    with TestGatepost() as gatepost:
        gatepost.allow("user:alice", "edit", "collection:sales")
        gatepost.allow("user:bob", "view", "collection:sales")

        assert may(gatepost, "user:alice", "edit", "collection:sales")
        assert not may(gatepost, "user:alice", "delete", "collection:sales")
        assert not may(gatepost, "user:bob", "edit", "collection:sales")
        assert not may(gatepost, "user:carol", "view", "collection:sales")
        gatepost.forbid("user:alice", "collection:sales")
        assert not may(gatepost, "user:alice", "view", "collection:sales")


def test_groups_roles_parents_and_everybody() -> None:
    with TestGatepost() as gatepost:
        gatepost.user("alice", groups=["team"])
        gatepost.allow("group:team#member", "view", "dataset:a")
        gatepost.role("clerk", "dataset:edit")
        gatepost.user("bob", roles=["clerk"])
        gatepost.allow("user:carol", "view", "collection:c")
        gatepost.relate("dataset:a", "parent", "collection:c")
        gatepost.allow("anonymous:*", "view", "dataset:b")

        assert may(gatepost, "user:alice", "view", "dataset:a")
        assert may(gatepost, "user:bob", "edit", "dataset:a")
        assert may(gatepost, "user:carol", "view", "dataset:a")
        assert may(gatepost, "anonymous:*", "view", "dataset:b")


def test_an_applications_own_model(tmp_path: Path) -> None:
    (tmp_path / "model.fga").write_text(MODEL)
    settings = Settings()
    settings = replace(settings, access=replace(settings.access, model=tmp_path / "model.fga"))
    with TestGatepost(settings) as gatepost:
        gatepost.allow("user:alice", "write", "folder:a")

        assert may(gatepost, "user:alice", "write", "folder:a")
        assert not may(gatepost, "user:alice", "delete", "folder:a")


def test_what_the_model_does_not_have_says_so() -> None:
    with TestGatepost() as gatepost:
        for subject, action, resource in (
            ("user:alice", "fly", "dataset:a"),
            ("user:alice", "view", "planet:mars"),
            ("anonymous:*", "fly", "dataset:a"),
        ):
            with pytest.raises(ConfigurationError):
                gatepost.allow(subject, action, resource)
        with pytest.raises(ConfigurationError):
            gatepost.relate("dataset:a", "viewer", "collection:c")


def test_two_doubles_know_nothing_of_each_other() -> None:
    with TestGatepost() as one, TestGatepost() as other:
        one.allow("user:alice", "view", "dataset:a")

        assert not may(other, "user:alice", "view", "dataset:a")


def test_it_leaves_neither_files_nor_threads() -> None:
    before = threading.active_count()
    with TestGatepost() as gatepost:
        folder = gatepost._folder
        gatepost.as_user("alice")
        assert folder.is_dir()

    assert not folder.exists()
    assert threading.active_count() == before


def test_it_is_made_in_milliseconds() -> None:
    TestGatepost().close()  # the first one in a process makes the database that the others copy
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        with TestGatepost() as gatepost:
            gatepost.as_user("alice")
        took.append(time.perf_counter() - begun)

    assert min(took) < 0.25  # 10 ms here; a machine that does other things too has its moments
