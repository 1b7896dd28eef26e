"""The server with real clients over HTTP: what it answers, in which pieces, and what ends it.

    test_serve.py PROGRAM [unittest options]
"""

import concurrent.futures
import errno
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ""
SLOW = 5 if os.environ.get("UNMASK_SANITIZED") == "1" else 1

PROMPT = 'def add(a, b):\n    """Return the sum of a and b."""\n'
QUESTION = ("Can you write solution(data) for me? Return the sum of the squares of the elements of data that are not "
            "divisible by 3.")


class Server:
    """A server on a free port, with the model of the repository."""

    def __init__(self, *options: str, **environment: str) -> None:
        command = [PROGRAM, "serve", "--model", str(ROOT / "models" / "tiny"), "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        first = self.process.stderr.readline()
        found = re.search(r"http://(\S+):(\d+),", first)
        if not found:
            raise AssertionError(first + self.process.communicate()[1])
        self.host, self.port = found[1], int(found[2])
        self.log: list[str] = []
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        connection = self.connect()
        text = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        got = answer.status, answer.read(), dict(answer.getheaders())
        connection.close()
        return got

    def post(self, path: str, body: object, expected: int = 200, **headers: str) -> dict:
        status, text, _ = self.ask("POST", path, body, **headers)
        if status != expected:
            raise AssertionError(f"{status}: {text.decode()}")
        return json.loads(text)

    def stream(self, path: str, body: dict) -> list:
        """The data of each event; the last is "[DONE]" if the stream has it."""
        status, text, headers = self.ask("POST", path, {"stream": True, **body})
        if status != 200:
            raise AssertionError(f"{status}: {text.decode()}")
        if headers["Content-Type"] != "text/event-stream":
            raise AssertionError(headers)
        events = [event.removeprefix("data: ") for event in text.decode().split("\n\n")[:-1] if not event.startswith(":")]
        return [event if event == "[DONE]" else json.loads(event) for event in events]

    def metric(self, name: str) -> float:
        lines = self.ask("GET", "/metrics")[1].decode().splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name + " ")))

    def wait_for(self, name: str, value: float) -> None:
        end = time.monotonic() + 20 * SLOW
        while self.metric(name) != value:
            if time.monotonic() > end:
                raise AssertionError(f"{name} is {self.metric(name)}, not {value}")
            time.sleep(0.02)

    def stop(self) -> str:
        """End it, and return what it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join()
        self.process.stderr.close()
        return "".join(self.log)


def slow_request(**members: object) -> dict:
    """One that takes a while: many samples, a token a step."""
    return {"prompt": "def f(x):\n" * 60, "n": 64, "temperature": 1, "unmask": {"algorithm": "entropy"}, **members}


class Answers(unittest.TestCase):
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def test_a_completion_is_that_of_generate(self) -> None:
        printed = subprocess.run([PROGRAM, "generate", "-m", ROOT / "models" / "tiny", "--length", "80", "--completion-only",
                                  "--no-live", PROMPT], capture_output=True, text=True, check=True).stdout
        got = self.server.post("/v1/completions", {"prompt": PROMPT, "model": "any"})
        self.assertEqual(got["object"], "text_completion")
        self.assertEqual(got["choices"][0]["text"].rstrip("\n"), printed.rstrip("\n"))
        self.assertEqual(got["choices"][0]["finish_reason"], "stop")
        usage = got["usage"]
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])

    def test_a_chat(self) -> None:
        body = {"messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]}
        got = self.server.post("/v1/chat/completions", body)
        message = got["choices"][0]["message"]
        self.assertEqual(message["role"], "assistant")
        self.assertIn("x % 3 != 0", message["content"])
        plain = self.server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]})
        self.assertEqual(plain["choices"][0]["message"], message)

    def test_pieces_of_a_stream_make_the_whole(self) -> None:
        body = {"messages": [{"role": "user", "content": QUESTION}]}
        whole = self.server.post("/v1/chat/completions", body)
        events = self.server.stream("/v1/chat/completions", {**body, "stream_options": {"include_usage": True}})
        self.assertEqual(events.pop(), "[DONE]")
        self.assertEqual(events.pop()["usage"], whole["usage"])
        self.assertEqual(events[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(events[-1]["choices"][0]["finish_reason"], "stop")
        deltas = [event["choices"][0]["delta"].get("content", "") for event in events]
        self.assertGreater(len(deltas), 2)
        self.assertEqual("".join(deltas), whole["choices"][0]["message"]["content"])

    def test_every_algorithm_streams_what_it_answers(self) -> None:
        for options in ({"algorithm": "entropy"}, {"algorithm": "p2", "steps": 20}, {"algorithm": "origin", "steps": 9},
                        {"algorithm": "credit", "block_length": 8}):
            with self.subTest(**options):
                body = {"prompt": PROMPT, "max_tokens": 24, "seed": 3, "temperature": 0.7, "unmask": options}
                whole = self.server.post("/v1/completions", body)["choices"][0]["text"]
                events = self.server.stream("/v1/completions", body)[:-1]
                self.assertEqual("".join(event["choices"][0]["text"] for event in events), whole)

    def test_frames_show_the_whole_text_after_each_step(self) -> None:
        body = {"messages": [{"role": "user", "content": QUESTION}], "diffusing": True}
        whole = self.server.post("/v1/chat/completions", {"messages": body["messages"]})
        events = self.server.stream("/v1/chat/completions", body)[:-1]
        frames = [event for event in events if "diffusion_meta" in event]
        self.assertGreater(len(frames), 2)
        texts = [frame["choices"][0]["delta"]["content"] for frame in frames]
        self.assertIn("\u2591", texts[0])
        self.assertEqual(texts[-1], whole["choices"][0]["message"]["content"])
        progress = [frame["diffusion_meta"]["diffusion_progress"] for frame in frames]
        self.assertEqual(progress, sorted(progress))
        self.assertEqual(progress[-1], 1)

    def test_frames_of_a_completion(self) -> None:
        body = {"prompt": PROMPT, "max_tokens": 24}
        whole = self.server.post("/v1/completions", body)["choices"][0]["text"]
        frames = [event for event in self.server.stream("/v1/completions", {**body, "diffusing": True})[:-1]
                  if "diffusion_meta" in event]
        self.assertEqual(frames[-1]["choices"][0]["text"], whole)

    def test_code_between_prompt_and_suffix(self) -> None:
        texts = {"prompt": "def total_of(values):\n    total", "suffix": "\n    return total\n", "max_tokens": 40}
        completion = self.server.post("/v1/completions", texts)["choices"][0]["text"]
        fim = self.server.post("/v1/fim/completions", texts)["choices"][0]
        infill = self.server.post("/infill", {"input_prefix": "def total_of(values):\n", "prompt": "    total",
                                              "input_suffix": texts["suffix"], "n_predict": 40})
        self.assertTrue(completion.startswith(" = 0\n"), completion)
        self.assertEqual([fim["text"], fim["message"]["content"], infill["content"]], [completion] * 3)
        self.assertEqual((infill["stop"], infill["stop_type"], infill["truncated"]), (True, "eos", False))
        events = self.server.stream("/infill", {"input_prefix": texts["prompt"], "input_suffix": texts["suffix"],
                                                "n_predict": 40})
        self.assertEqual("".join(event["content"] for event in events), completion)
        self.assertEqual([event["stop"] for event in events], [False] * (len(events) - 1) + [True])
        deltas = [event["choices"][0]["delta"]["content"] for event in self.server.stream("/v1/fim/completions", texts)[:-1]]
        self.assertEqual("".join(deltas), completion)

    def test_what_llama_vim_asks(self) -> None:
        fields = ["content", "timings/prompt_n", "timings/predicted_per_second", "truncated", "tokens_cached", "nothing"]
        got = self.server.post("/infill", {
            "input_prefix": PROMPT, "input_suffix": "", "prompt": "    ", "n_predict": 16, "n_indent": 4,
            "input_extra": [{"filename": "a.py", "text": "import math", "time": 1}], "top_k": 40, "top_p": 0.9,
            "stream": False, "samplers": ["top_k", "top_p", "infill"], "cache_prompt": True, "t_max_predict_ms": 1000,
            "response_fields": fields})
        self.assertEqual(list(got), fields[:-1])

    def test_text_that_is_too_long_is_cut_where_it_is_furthest(self) -> None:
        texts = {"prompt": "x = 1\n" * 2000 + PROMPT + "    return a", "suffix": "\n" + "y = 2\n" * 2000}
        got = self.server.post("/v1/completions", texts)
        self.assertTrue(got["choices"][0]["unmask"]["truncated"])
        self.assertLessEqual(got["usage"]["total_tokens"], 1024)
        refused = self.server.post("/v1/completions", {"prompt": texts["prompt"]}, expected=400)
        self.assertIn("has room for 1024", refused["error"]["message"])

    def test_a_stop_sequence_ends_the_answer(self) -> None:
        body = {"prompt": PROMPT, "stop": [" + ", "never"]}
        got = self.server.post("/v1/completions", body)["choices"][0]
        self.assertEqual((got["text"], got["finish_reason"]), ("    return a", "stop"))
        events = self.server.stream("/v1/completions", body)[:-1]
        self.assertEqual("".join(event["choices"][0]["text"] for event in events), "    return a")

    def test_no_piece_has_a_part_of_a_stop_sequence(self) -> None:
        body = {"messages": [{"role": "user", "content": QUESTION}]}
        whole = self.server.post("/v1/chat/completions", body)["choices"][0]["message"]["content"]
        for start, length in ((0, 1), (3, 2), (10, 5), (20, 9), (41, 3), (60, 20), (len(whole) - 1, 1)):
            stop = whole[start:start + length]
            with self.subTest(stop=stop):
                wanted = whole[:whole.index(stop)]
                got = self.server.post("/v1/chat/completions", {**body, "stop": [stop, whole + "x"]})
                self.assertEqual(got["choices"][0]["message"]["content"], wanted)
                events = self.server.stream("/v1/chat/completions", {**body, "stop": [stop, whole + "x"]})[:-1]
                self.assertEqual("".join(event["choices"][0]["delta"].get("content", "") for event in events), wanted)

    def test_no_token_at_all(self) -> None:
        got = self.server.post("/infill", {"input_prefix": PROMPT, "input_suffix": "", "prompt": "", "n_predict": 0})
        self.assertEqual((got["content"], got["tokens_predicted"], got["stop_type"]), ("", 0, "limit"))
        got = self.server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 0, "n": 2})
        self.assertEqual([choice["text"] for choice in got["choices"]], ["", ""])
        self.assertEqual(self.server.stream("/v1/completions", {"prompt": PROMPT, "max_tokens": 0})[-1], "[DONE]")

    def test_an_answer_without_end_says_so(self) -> None:
        got = self.server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 2})
        self.assertEqual(got["choices"][0]["finish_reason"], "length")
        self.assertEqual(got["usage"]["completion_tokens"], 2)

    def test_a_seed_can_be_had_again(self) -> None:
        body = {"prompt": "def f(x):\n", "temperature": 1.5, "n": 5, "max_tokens": 20, "unmask": {"algorithm": "entropy"}}
        first = self.server.post("/v1/completions", body)
        seed = first["choices"][0]["unmask"]["seed"]
        texts = [choice["text"] for choice in first["choices"]]
        self.assertEqual([choice["text"] for choice in self.server.post("/v1/completions", {**body, "seed": seed})["choices"]],
                         texts)
        self.assertGreater(len(set(texts)), 1)
        self.assertNotEqual(self.server.post("/v1/completions", body)["choices"][0]["unmask"]["seed"], seed)

    def test_many_clients_get_what_each_would_get_alone(self) -> None:
        bodies = [{"prompt": PROMPT + "#" * i, "seed": i, "temperature": 0.8, "max_tokens": 24} for i in range(24)]

        def text_of(body: dict) -> str:
            return self.server.post("/v1/completions", body)["choices"][0]["text"]

        alone = [text_of(body) for body in bodies]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            self.assertEqual(list(pool.map(text_of, bodies)), alone)

    def test_mistakes_are_explained(self) -> None:
        for body, words in ((b"", "expected"), (b"{", "expected"), (b"[]", "object"), (b'{"prompt": "\xff"}', "decode byte"),
                            ({}, '"prompt" is missing'), ({"prompt": 5}, "must be a string"),
                            ({"prompt": "x", "temperature": "hot"}, "not a number"), ({"prompt": "x", "n": 0}, "1 to 64"),
                            ({"prompt": "x", "stop": [1]}, '"stop"'), ({"prompt": "x", "stop": ["a"] * 17}, "16"),
                            ({"prompt": "x", "tools": [{}]}, '"tools" is not supported'),
                            ({"prompt": "x", "logprobs": 3}, '"logprobs" is not supported'),
                            ({"prompt": "x", "response_format": {"type": "json_object"}}, "response_format"),
                            ({"prompt": "x", "unmask": {"algorithm": "magic"}}, "no decoding algorithm"),
                            ({"prompt": "x", "unmask": {"steps": [1]}}, '"steps"'), ({"prompt": "x", "seed": "7"}, '"seed"'),
                            ({"prompt": "x", "unmask": {"seed": 7.5}}, '"seed"'), ({"prompt": "x", "response_format": "json"},
                                                                                  "response_format"), ({"prompt": "x", "unmask": 1}, "object"),
                            ({"prompt": "x", "unmask": {"factor": 2}}, "means nothing"),
                            ({"prompt": "x", "unmask": {"factor": 2}, "stream": True}, "means nothing"),
                            ({"prompt": "x", "stream": "yes"}, '"stream"'), ({"prompt": "x", "max_tokens": "9"}, '"max_tokens"')):
            with self.subTest(body=body):
                error = self.server.post("/v1/completions", body, expected=400)["error"]
                self.assertIn(words, error["message"])
                self.assertEqual((error["type"], error["code"]), ("invalid_request_error", 400))
        for messages, words in (([], "at least one"), ([5], "object"), ([{"role": "user"}], "content"),
                                ([{"role": "robot", "content": "x"}], "robot"), ([{"role": "user\0x", "content": "x"}], "role"),
                                ([{"role": "user", "content": [{"type": "image_url"}]}], "not text")):
            with self.subTest(messages=messages):
                error = self.server.post("/v1/chat/completions", {"messages": messages}, expected=400)["error"]
                self.assertIn(words, error["message"])

    def test_neutral_members_of_other_servers_are_taken(self) -> None:
        self.server.post("/v1/completions", {"prompt": PROMPT, "suffix": "", "grammar": "", "frequency_penalty": 0, "presence_penalty": 0.0,
                                             "logit_bias": {}, "tools": [], "echo": False, "logprobs": None, "user": "me",
                                             "stop": None, "seed": -1, "max_tokens": 1 << 40, "stream": None,
                                             "response_format": {"type": "text"}})

    def test_paths_and_methods(self) -> None:
        self.assertEqual(self.server.ask("GET", "/nothing")[0], 404)
        status, page, headers = self.server.ask("GET", "/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertNotRegex(page.decode(), r"(src|href)=|https?://")  # it needs nothing from elsewhere
        self.assertEqual(self.server.ask("GET", "/v1/completions")[0], 405)
        status, _, headers = self.server.ask("POST", "/health", b"{}")
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD, OPTIONS"))
        status, body, headers = self.server.ask("HEAD", "/health")
        self.assertEqual((status, body, int(headers["Content-Length"]) > 0), (200, b"", True))
        models = json.loads(self.server.ask("GET", "/v1/models")[1])["data"]
        self.assertEqual([model["id"] for model in models], ["tiny"])
        self.assertEqual(json.loads(self.server.ask("GET", "/health")[1]), {"status": "ok"})
        self.assertEqual(json.loads(self.server.ask("GET", "/props")[1])["default_generation_settings"], {"n_ctx": 1024})

    def test_one_connection_serves_several_requests(self) -> None:
        connection = self.server.connect()
        self.addCleanup(connection.close)
        for _ in range(3):
            connection.request("POST", "/v1/completions", json.dumps({"prompt": PROMPT}))
            self.assertEqual(connection.getresponse().read()[:1], b"{")

    def test_requests_that_come_early_are_answered_in_turn(self) -> None:
        body = json.dumps({"prompt": PROMPT, "max_tokens": 4}).encode()
        request = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        with self.server.raw() as connection:
            connection.sendall(request + request.replace(b"Host: x", b"Host: x\r\nConnection: close"))
            got = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertEqual(got.count(b"HTTP/1.1 200"), 2)

    def test_a_body_that_is_too_long_is_refused(self) -> None:
        with self.server.raw() as connection:
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % ((2 << 20) + 1))
            self.assertIn(b"413", connection.recv(65536))  # before any of it is sent
        with self.server.raw() as connection:
            connection.sendall(b"POST /infill HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
            connection.sendall(chunk * 40 + b"0\r\n\r\n")
            self.assertIn(b"413", connection.recv(65536))

    def test_noise_is_no_request(self) -> None:
        for noise in (b"\x00" * 100, b"GET\r\n\r\n", b"POST /infill HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                      b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n"):
            with self.server.raw() as connection:
                try:
                    connection.sendall(noise)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError as problem:  # the server may have closed the connection already
                    if problem.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                        raise
        self.assertEqual(self.server.ask("GET", "/health")[0], 200)


class Clients(unittest.TestCase):
    """Clients that go away, wait, or must not come in."""

    def test_the_request_of_a_client_that_is_gone_is_dropped(self) -> None:
        server = Server("--quiet")
        self.addCleanup(server.stop)
        for number, stream in enumerate((False, True), 1):
            body = json.dumps(slow_request(stream=stream)).encode()
            with server.raw() as connection:
                connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(body), body))
                server.wait_for("unmask_requests_unfinished", 1)
                connection.sendall(b"\r\n")  # more than was asked for
            server.wait_for('unmask_requests_total{outcome="cancelled"}', number)
        self.assertEqual(server.metric('unmask_requests_total{outcome="finished"}'), 0)

    def test_waiting_requests_of_clients_that_are_gone_are_dropped_too(self) -> None:
        server = Server("--quiet", "--batch", "1", "--queue", "6")
        self.addCleanup(server.stop)
        first = server.connect()
        self.addCleanup(first.close)
        first.request("POST", "/v1/completions", json.dumps(slow_request()))
        server.wait_for("unmask_requests_unfinished", 1)
        body = json.dumps(slow_request()).encode()
        clients = [server.raw() for _ in range(5)]
        for client in clients:
            client.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        server.wait_for("unmask_requests_unfinished", 6)
        for client in clients:
            client.close()
        server.wait_for("unmask_requests_unfinished", 1)

    def test_a_large_request_leaves_room_for_a_small_one(self) -> None:
        server = Server("--quiet", "--batch", "2")
        self.addCleanup(server.stop)
        large = server.connect()
        self.addCleanup(large.close)
        large.request("POST", "/v1/completions", json.dumps(slow_request(max_tokens=16)))
        server.wait_for("unmask_requests_unfinished", 1)
        server.post("/v1/completions", {"prompt": PROMPT, "max_tokens": 8})
        self.assertEqual(server.metric("unmask_requests_unfinished"), 1)

    def test_a_full_queue_refuses(self) -> None:
        server = Server("--queue", "1", "--batch", "2")
        self.addCleanup(server.stop)
        connection = server.connect()
        connection.request("POST", "/v1/completions", json.dumps(slow_request()))
        server.wait_for("unmask_requests_unfinished", 1)
        status, text, headers = server.ask("POST", "/v1/completions", {"prompt": PROMPT})
        self.assertEqual((status, headers["Retry-After"]), (503, "1"), text)
        connection.close()
        server.wait_for("unmask_requests_unfinished", 0)
        server.post("/v1/completions", {"prompt": PROMPT})

    def test_a_key(self) -> None:
        server = Server(UNMASK_API_KEY="secret")
        self.addCleanup(server.stop)
        for given in (None, "Bearer", "Bearer secre", "Bearer secrets", "secret", "Basic secret"):
            headers = {} if given is None else {"Authorization": given}
            status, _, received = server.ask("POST", "/v1/completions", {"prompt": PROMPT}, **headers)
            self.assertEqual((status, received["WWW-Authenticate"]), (401, "Bearer"))
            self.assertEqual(server.ask("GET", "/v1/models", **headers)[0], 401)
        server.post("/v1/completions", {"prompt": PROMPT}, Authorization="Bearer secret")
        self.assertEqual(server.ask("GET", "/health")[0], 200)

    def test_pages_of_an_origin(self) -> None:
        server = Server("--allow-origin", "https://example.org")
        self.addCleanup(server.stop)
        for method in ("OPTIONS", "POST"):
            status, _, headers = server.ask(method, "/v1/completions", {"prompt": PROMPT}, Origin="https://example.org",
                                            **{"Access-Control-Request-Headers": "x-special"})
            self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "https://example.org"))
            self.assertEqual(headers["Access-Control-Allow-Headers"], "x-special")
        self.assertEqual(server.ask("POST", "/v1/completions", {"prompt": PROMPT}, Origin="https://example.com")[0], 403)
        own = f"http://127.0.0.1:{server.port}"
        self.assertEqual(server.ask("POST", "/v1/completions", {"prompt": PROMPT}, Origin=own)[0], 200)
        # A page under a name that leads here.
        self.assertEqual(server.ask("POST", "/v1/completions", {"prompt": PROMPT}, Origin="http://evil.example", Host="x")[0], 403)

    def test_a_search_for_the_length(self) -> None:
        server = Server("--search-length", "--infilling-length", "40")
        self.addCleanup(server.stop)
        fixed = Server("--infilling-length", "16")
        self.addCleanup(fixed.stop)
        for suffix in ("\n    return total\n", "", "\n"):
            body = {"prompt": "def total_of(values):\n    total", "suffix": suffix, "seed": 1}
            got = server.post("/v1/fim/completions", body)["choices"][0]
            self.assertIn(got["unmask"]["length"], (4, 8, 16, 32, 40))
            alone = fixed.post("/v1/fim/completions", body)["choices"][0]
            self.assertGreater(got["unmask"]["forwards"], alone["unmask"]["forwards"])
            same = Server("--infilling-length", str(got["unmask"]["length"]))
            self.assertEqual(same.post("/v1/fim/completions", body)["choices"][0]["text"], got["text"])
            same.stop()
            pieces = server.stream("/v1/fim/completions", body)[:-1]
            self.assertEqual("".join(piece["choices"][0]["text"] for piece in pieces), got["text"])
            two = server.post("/v1/fim/completions", {**body, "n": 2})["choices"]
            self.assertEqual([choice["text"] for choice in two], [got["text"]] * 2)
        self.assertEqual(server.post("/v1/fim/completions", {**body, "max_tokens": 3})["choices"][0]["unmask"]["length"], 3)

    def test_defaults_of_the_server_hold_unless_a_request_says_otherwise(self) -> None:
        server = Server("--steps", "7", "--length", "30", "--seed", "5")
        self.addCleanup(server.stop)
        facts = server.post("/v1/completions", {"prompt": "def f(x):\n", "unmask": {"early_stop": False}})
        self.assertEqual(facts["choices"][0]["unmask"]["steps"], 7)
        self.assertEqual(facts["choices"][0]["unmask"]["seed"], 5)
        other = server.post("/v1/completions", {"prompt": "def f(x):\n", "unmask": {"steps": 3, "early_stop": False}})
        self.assertEqual(other["choices"][0]["unmask"]["steps"], 3)


class End(unittest.TestCase):
    def test_what_is_under_way_is_answered_first(self) -> None:
        server = Server("--grace", "60")
        connection = server.connect()
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/completions", json.dumps(slow_request(n=4, max_tokens=32 // SLOW)))
        server.wait_for("unmask_requests_unfinished", 1)
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(len(json.loads(connection.getresponse().read())["choices"]), 4)
        server.process.wait(30 * SLOW)
        self.assertEqual(server.process.returncode, 0)
        self.assertIn("POST /v1/completions 200", server.stop())

    def test_what_takes_too_long_is_told_so(self) -> None:
        server = Server("--grace", "0")
        connection = server.connect()
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/completions", json.dumps(slow_request()))
        server.wait_for("unmask_requests_unfinished", 1)
        server.process.send_signal(signal.SIGINT)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 503)
        self.assertIn("shutting down", json.loads(answer.read())["error"]["message"])
        server.stop()

    def test_a_second_interrupt_ends_at_once(self) -> None:
        server = Server()
        connection = server.connect()
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/completions", json.dumps(slow_request()))
        server.wait_for("unmask_requests_unfinished", 1)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.7)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(3)
        self.assertEqual(server.process.returncode, -signal.SIGINT)
        server.stop()

    def test_mistakes_of_the_command_line(self) -> None:
        other = Server()
        self.addCleanup(other.stop)
        for options, words in ((["--port", "70000"], "--port"), (["--temperature", "hot"], "not a number"), (["x"], "arguments"),
                               (["--host", "no.such.host.invalid"], "no.such.host.invalid"),
                               (["--port", str(other.port)], "cannot listen"), (["--algorithm", "entropy", "--factor", "2"], "means nothing"),
                               (["--seed", str(1 << 63)], "too large"),
                               (["--queue", "0"], "--queue"), (["--api-key", ""], "1 to"), (["--api-key", "a b"], "printable"),
                               (["--suppress", "99999"], "99999"), (["--model", "/nowhere"], "/nowhere")):
            with self.subTest(options=options):
                done = subprocess.run([PROGRAM, "serve", "--model", str(ROOT / "models" / "tiny"), *options],
                                      capture_output=True, text=True, timeout=60)
                self.assertIn(words, done.stderr)
                self.assertIn(done.returncode, (1, 2))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
