"""A question that would take more than a moment is asked beside the loop, so the application's others go on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
from starlette.testclient import TestClient

from gatepost.testing import TestGatepost


def test_the_loop_goes_on_while_a_question_waits_for_the_graph(shop: TestClient, gatepost: TestGatepost) -> None:
    gatepost.allow("user:ann", "view", "dataset:sales")
    ann, graph = gatepost.as_user("ann"), gatepost.gate.memory.graph
    assert shop.get("/", headers=ann).status_code == 200
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with graph.lock:
            graph.edges.forget_everybody()
            is_held.set()
            may_end.wait(60)

    def ask() -> httpx2.Response:
        return shop.get("/datasets/sales", headers=ann)

    with shop, ThreadPoolExecutor(3) as threads:  # one loop for all that is asked
        threads.submit(hold)
        assert is_held.wait(60)
        try:
            waiting = threads.submit(ask)
            other = threads.submit(lambda: shop.get("/", headers=ann))
            assert other.result(timeout=20).json()["subject"] == "user:ann"
            assert not waiting.done()
        finally:
            may_end.set()
        assert waiting.result(timeout=60).text == "the numbers of sales"


def test_a_refusal_that_took_longer_is_on_record_once(shop: TestClient, gatepost: TestGatepost) -> None:
    ann, graph = gatepost.as_user("ann"), gatepost.gate.memory.graph
    assert shop.get("/", headers=ann).status_code == 200
    is_held, is_asked = threading.Event(), threading.Event()

    def hold() -> None:
        with graph.lock:
            graph.edges.forget_everybody()
            is_held.set()
            is_asked.wait(60)

    with ThreadPoolExecutor(2) as threads:
        threads.submit(hold)
        assert is_held.wait(60)
        waiting = threads.submit(lambda: shop.put("/datasets/sales", headers=ann))
        assert shop.get("/", headers=ann).status_code == 200
        is_asked.set()
        assert waiting.result(timeout=60).status_code == 404
    gatepost.gate.journal.flush()
    refusals = [each for each in gatepost.gate.audit() if each.event == "refused.edit"]
    assert [each.count for each in refusals] == [1]
