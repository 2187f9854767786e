"""Which models of transformers edgewise.rewire takes: each one rewired, beside its own eager attention.

    python benchmarks/coverage.py [--save] [--only bert,llama] [--kind text|other] [--again LOG]

The denominator is read off the source: every public model class of every models/*/modeling_*.py that calls the
attention interface; those whose forward takes `input_ids` are text. Each is built tiny from its own config, in a
process of its own, with a padded batch; what cannot be built or run counts against the score. A class is *equal* when,
on real positions,

    rewired to complete()    ==  eager
    rewired to window(2, 1)  ==  eager with the window's dense mask added to its own, and  !=  eager

(a query whose two masks leave it nobody being zeros, as everywhere here), forward and gradient, by the promise
max|a-b| <= 1e-5 * max(1, max|b|) in float32 (gradients: 1e-4 of their largest), or in float64 where float32 itself is
noisier than that.
"""

import importlib
import inspect
import json
import os
import select
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import report
import torch
import transformers
from apart import worst, worst_gradient
from eager_peer import eager_with_window, set_eager
from tiny_batches import TOKENS, batches
from tiny_models import SIZES, made, part_axes
from transformers import PreTrainedModel

from edgewise import restore, rewire
from edgewise.patterns import window
from edgewise.pretrained.attentions import attentions

SECONDS = 90
PATTERN = window(2, 1)
UNCOMPARED = ("past", "mask", "cache", "attentions")  # and weights, which eager returns unasked
Real = torch.Tensor | None  # which tokens are no padding; None where the batch is no text


def classes(kind: str, only: set[str]) -> Iterator[tuple[str, type]]:
    """Every public model class of the files that call the interface, text or other."""
    root = Path(transformers.__file__).parent
    for file in sorted(root.glob("models/*/modeling_*.py")):
        family = file.parent.name
        if "get_interface(" not in file.read_text() or (only and family not in only):
            continue
        module = importlib.import_module(f"transformers.models.{family}.{file.stem}")
        for name in module.__all__:
            found = getattr(module, name, None)
            if not (isinstance(found, type) and issubclass(found, PreTrainedModel)) or name.endswith("PreTrainedModel"):
                continue
            if getattr(found.forward, "__name__", "") == "_forward_unimplemented":
                continue  # a name for others to inherit from
            text = "input_ids" in inspect.signature(found.forward).parameters
            if text == (kind == "text"):
                yield family, found


DOMAINS = {
    "series": ("past_values", "states"),
    "pictures": ("pixel", "image", "grid", "patches", "video"),
    "sounds": ("input_features", "input_values", "audio", "mel", "codes", "latents", "codebook"),
}


def domain(found: type) -> str:
    """What a class reads, by the names of its arguments."""
    names = list(inspect.signature(found.forward).parameters)
    if "input_ids" in names:
        return "text"
    parts = f"{found.__module__} {found.__name__}".lower()
    by_name = {"pictures": ("vision", "image", "vit"), "sounds": ("audio", "speech", "wav", "asr", "tts", "mimi")}
    for kinds, told in ((DOMAINS, names), (by_name, [parts])):
        for kind, words in kinds.items():
            if any(word in one for word in words for one in told):
                return kind
    return "rest"


# --- what a model answers


def answers(model: PreTrainedModel, given: dict[str, Any], real: Real) -> dict[str, torch.Tensor]:
    """The real positions of every tensor that the model returns."""
    found = {}
    for name, x in named_tensors("", model(**given)):
        if not x.is_floating_point() or any(part in name for part in UNCOMPARED):
            continue
        if real is None:
            pass
        elif x.shape[:2] == real.shape:
            x = x[real]
        elif x.dim() > 2 and x.shape[0] == 2 and x.shape[1] == TOKENS - 1:
            x = x[real[:, 1:]]  # it answers from the second token on
        elif x.shape[:3] == (2, 1, TOKENS):
            x = x[:, 0][real]
        found[name] = x
    if not found:
        raise LookupError("it returns no tensor")
    return found


def named_tensors(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from named_tensors(f"{name}.{key}", one)
    elif isinstance(value, tuple | list):
        for n, one in enumerate(value):
            yield from named_tensors(f"{name}.{n}", one)


def run(model: PreTrainedModel, given: dict[str, Any], real: Real) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the model answers, and the gradient of one number made of it."""
    model.zero_grad()
    torch.manual_seed(3)
    found = answers(model, given, real)
    loss = 0.0
    for n, x in enumerate(found.values()):
        if x.requires_grad:
            weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(n)).to(x.dtype)
            loss = loss + (torch.nan_to_num(x, 0.0, 0.0, 0.0) * weight).sum() / max(x.numel(), 1) ** 0.5
    if isinstance(loss, torch.Tensor):
        loss.backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {name: x.detach() for name, x in found.items()}, grads


def check_numbers(*found: dict[str, torch.Tensor]) -> None:
    """Nothing can be compared with what is no number."""
    for name, x in (item for one in found for item in one.items()):
        if bool(x.isnan().any()):
            raise ArithmeticError(f"eager attention itself answers with no number in {name}")


def judged(family: type[PreTrainedModel], padded: bool) -> dict[str, Any]:
    """One class, from config to verdict."""
    failures = []
    begun = time.perf_counter()
    for size in SIZES:
        stage = "not built"
        try:
            model = made(family, size)
            stage = "does not run"
            set_eager(model)
            for given, real in batches(model, padded):
                try:
                    eager = run(model, given, real)
                    check_numbers(*eager)
                except Exception as failure:
                    failures.append((stage, f"{size}: {said(failure)}"))
                    part_axes(failure)
                    continue
                return {**compared(model, given, real, *eager), "size": size}
        except Exception as failure:
            failures.append((stage, f"{size}: {said(failure)}"))
            part_axes(failure)
        if time.perf_counter() - begun > SECONDS / 4:
            break  # what is left is larger still
    stage = min((stage for stage, _ in failures), key=["does not run", "not built"].index)
    return {"verdict": stage, "why": next(why for found, why in failures if found == stage)}


def compared(
    model: PreTrainedModel, given: dict[str, Any], real: Real, eager: dict[str, Any], grad: dict[str, Any]
) -> dict[str, Any]:
    """A model that answers by eager attention, rewired to everything and to a window."""
    layers, note = None, ""
    try:
        try:
            rewire(model, "complete")
        except ValueError as refusal:
            if "would hear as before; layers= names" not in str(refusal):
                raise
            layers, note = list(attentions(model)), "layers= named, since others are no attention of the interface"
            rewire(model, "complete", layers=layers)
        modules = [model.get_submodule(path) for path in model._edgewise_rewiring.attentions]
        whole, whole_grad = run(model, given, real)
        again, _ = run(restore(model), given, real)
        narrow, narrow_grad = run(rewire(model, PATTERN, layers=layers), given, real)
        restore(model)
    except Exception as failure:
        restore(model)
        refused = isinstance(failure, ValueError | TypeError) and str(failure).startswith("rewire:")
        return {"verdict": "refused" if refused else "error", "why": said(failure)}
    with eager_with_window(modules, PATTERN) as peer:
        wanted, wanted_grad = run(model, given, real)
    found = {
        "complete": worst(whole, eager),
        "window": worst(narrow, wanted),
        "gradient": max(worst_gradient(whole_grad, grad), worst_gradient(narrow_grad, wanted_grad)),
        "gradients": sum(bool(g.any()) for g in grad.values()),
        "moved": worst(narrow, eager),
        "restored": worst(again, eager),
        "attentions": len(modules),
    }
    if not peer.cuts:
        return {"verdict": "does not run", "why": "sequences so short here that a window leaves nobody out", **found}
    told = verdict(found)
    if told == "different":
        found["sdpa"] = apart_by_itself(model, given, real, eager, grad)
        if found["sdpa"] >= max(found["gradient"], found["complete"], found["window"]) / 2:
            return {
                "verdict": "unsteady",
                "why": f"its own SDPA is as far from its eager: {found['sdpa']:.1e}",
                **found,
            }
    return {"verdict": told, "why": note, **found}


def apart_by_itself(
    model: PreTrainedModel, given: dict[str, Any], real: Real, eager: dict[str, Any], grad: dict[str, Any]
) -> float:
    """How far transformers' own SDPA is from its eager attention, answers and gradients; 0 where there is none."""
    try:
        model.set_attn_implementation("sdpa")
        answer, gradient = run(model, given, real)
    except Exception:
        return 0.0
    finally:
        set_eager(model)
    return max(worst(answer, eager), worst_gradient(gradient, grad))


def verdict(found: dict[str, Any]) -> str:
    if found["restored"] > 0:
        return "not restored"
    if max(found["complete"], found["window"]) > 1e-5 or found["gradient"] > 1e-4:
        return "different"
    least = 1e-4 if torch.get_default_dtype() == torch.float32 else max(1e-9, 1e3 * found["window"])
    return "equal" if found["moved"] > least else "unmoved"


def said(failure: Exception) -> str:
    return f"{type(failure).__name__}: {' '.join(str(failure).split())[:300]}"


def in_float64(family: type[PreTrainedModel], padded: bool) -> dict[str, Any]:
    torch.set_default_dtype(torch.float64)
    return {**judged(family, padded), "dtype": "float64"}


def alone(task: Any) -> dict[str, Any]:
    """A task in a process of its own, so that neither a crash nor a hang stops the sweep."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        try:
            answer = json.dumps(task())
        except Exception as failure:
            answer = json.dumps({"verdict": "error", "why": f"the sweep itself: {said(failure)}"})
        with os.fdopen(writer, "w") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        ready, _, _ = select.select([pipe], [], [], SECONDS)
        if not ready:
            os.kill(child, signal.SIGKILL)
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        return {"verdict": "does not run", "why": f"no answer in {SECONDS} s, or the process died ({status})"}
    found: dict[str, Any] = json.loads(text)
    return found


def swept(kind: str, only: set[str], known: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for family, found in classes(kind, only):
        if found.__name__ in known:
            rows.append({**known[found.__name__], "domain": domain(found)})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            continue
        begun = time.perf_counter()
        row = alone(lambda found=found: judged(found, padded=True))
        if row["verdict"] in ("different", "unmoved") and row.get("window", 1) < 1e-2:
            wide = alone(lambda found=found: in_float64(found, padded=True))
            row = wide if wide["verdict"] in ("equal", "unmoved") else row
        rows.append(
            {
                "family": family,
                "class": found.__name__,
                "domain": domain(found),
                **row,
                "seconds": round(time.perf_counter() - begun, 2),
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


# --- the report

ORDER = ("equal", "refused", "different", "unsteady", "unmoved", "not restored", "error", "does not run", "not built")
MEANING = {
    "equal": "complete() equals eager, the window eager with its dense mask, which is not eager; gradients too",
    "refused": "one clear error instead of an answer",
    "different": "an answer that is not eager's: a defect of ours",
    "unsteady": "as far from eager as transformers' own SDPA is: nothing can be told, counts against us",
    "unmoved": "answers are eager's, which a window moves too little to tell: counts against us",
    "not restored": "restore does not give the first answer back: a defect of ours",
    "error": "an error that is not ours to word: counts against us",
    "does not run": "its own eager forward fails on the generic batch: counts against the score",
    "not built": "no model from its shrunken config: counts against the score",
}


def summary(rows: list[dict[str, Any]]) -> str:
    counts = Counter(row["verdict"] for row in rows)
    ran = sum(counts[name] for name in ORDER[: ORDER.index("error") + 1])
    lines = [[name, str(counts[name]), MEANING[name]] for name in ORDER if counts[name]]
    share = f"{counts['equal']} of {len(rows)} classes equal ({counts['equal'] / max(len(rows), 1):.0%}); "
    share += f"of the {ran} that run at all {counts['equal'] / max(ran, 1):.0%}."
    families = {row["family"] for row in rows}
    whole = {f for f in families if any(r["verdict"] == "equal" for r in rows if r["family"] == f)}
    share += f" {len(whole)} of {len(families)} files have at least one class that is equal."
    return share + "\n\n" + report.table(["verdict", "classes:", "what it means"], lines)


def page(sweeps: dict[str, list[dict[str, Any]]]) -> str:
    parts = ["# Coverage: transformers' models under `edgewise.rewire`", report.header("transformers"), __doc__ or ""]
    for kind, rows in sweeps.items():
        parts += [f"## {'Text' if kind == 'text' else 'Pictures, sounds and the rest'}", summary(rows)]
        for name in ORDER[1:]:
            some = [row for row in rows if row["verdict"] == name]
            if some:
                reasons = [[f"{row['family']}: {row['class']}", why(row)] for row in some]
                parts += [f"### {name.capitalize()}", report.table(["class", "why"], reasons)]
        equal = [row for row in rows if row["verdict"] == "equal"]
        cells = [
            [r["family"], r["class"], *(f"{r[n]:.1e}" for n in ("complete", "window", "gradient", "moved")),
             r.get("dtype", "float32")]
            for r in equal
        ]  # fmt: skip
        columns = ["file", "class", "complete:", "window:", "gradient:", "window moves it by:", "in"]
        parts += ["### Equal", report.table(columns, cells)]
    return "\n\n".join(parts)


def why(row: dict[str, Any]) -> str:
    numbers = ", ".join(f"{n} {row[n]:.1e}" for n in ("complete", "window", "gradient", "moved") if n in row)
    return (row["why"] or numbers).replace("|", "\\|")


if __name__ == "__main__":
    parser = report.parser(__doc__, threads=False)
    parser.add_argument("--only", default="", help="names of files, such as bert,llama")
    parser.add_argument("--kind", choices=["text", "other", "both"], default="both")
    parser.add_argument("--again", type=Path, help="rows of a sweep that was cut off, from its stderr: run the rest")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    kinds = ["text", "other"] if asked.kind == "both" else [asked.kind]
    lines = [] if asked.again is None else [line for line in asked.again.read_text().splitlines() if line[:1] == "{"]
    known = {row["class"]: row for row in map(json.loads, lines)}
    sweeps = {kind: swept(kind, set(filter(None, asked.only.split(","))), known) for kind in kinds}
    report.finish("coverage", page(sweeps), asked.save, {"transformers": transformers.__version__, **sweeps})
