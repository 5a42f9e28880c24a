"""Training: what is learnt of a sequence, in which order, and that a run can be stopped."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from finetune.attention import register  # noqa: E402
from finetune.dataset import Example  # noqa: E402
from finetune.folding import fold_lora  # noqa: E402
from finetune.train import Recipe, _batches, _rate, _step, _tensors, train  # noqa: E402


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def make_examples(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        Example(torch.randint(1, 64, (16 + place % 5,), generator=generator).tolist(), 10 + place % 4)
        for place in range(count)
    ]


def test_attention_is_that_of_transformers(tiny):
    usual = transformers.AutoModelForCausalLM.from_pretrained(tiny, attn_implementation="sdpa").eval()
    ours = transformers.AutoModelForCausalLM.from_pretrained(tiny, attn_implementation=register()).eval()
    tokens = torch.randint(1, 64, (3, 17), generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        assert torch.allclose(ours(input_ids=tokens).logits, usual(input_ids=tokens).logits, atol=1e-5)


def test_only_the_request_is_learnt_and_padding_changes_nothing(tiny):
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny, attn_implementation=register()).eval()
    examples = make_examples(4)
    _, learnt = _tensors(examples, "cpu")
    assert learnt.sum(1).tolist() == [len(example) - example.learnt for example in examples]
    both, count = _step(model, examples, "cpu", learn=False)
    apart = [_step(model, [example], "cpu", learn=False) for example in examples]
    assert both == pytest.approx(sum(loss * learnt for loss, learnt in apart) / count, abs=1e-5)


def test_a_folded_layer_computes_and_learns_as_peft_does(tiny):
    def run(folded):
        torch.manual_seed(3)
        model = transformers.AutoModelForCausalLM.from_pretrained(tiny)
        config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
        model = peft.get_peft_model(model, config)
        if folded:
            assert fold_lora(model) == 4
        loss = model(input_ids=torch.arange(24).view(2, 12), labels=torch.arange(24).view(2, 12)).loss
        loss.backward()
        return float(loss.detach()), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

    (loss, gradients), (other, others) = run(False), run(True)
    assert loss == pytest.approx(other, abs=1e-5)
    assert gradients.keys() == others.keys()
    assert len(gradients) == 8
    assert all(torch.allclose(gradients[name], others[name], atol=1e-6) for name in gradients)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tiny, tmp_path):
    examples = make_examples(12)
    recipe = Recipe(rank=4, alpha=8, batch_tokens=60, checkpoint_seconds=0)
    whole = train(examples, tiny, tmp_path / "whole", recipe)
    train(examples, tiny, tmp_path / "parts", recipe, stop_after=0)
    parts = train(examples, tiny, tmp_path / "parts", recipe)
    from safetensors.torch import load_file

    one, other = load_file(whole / "adapter_model.safetensors"), load_file(parts / "adapter_model.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)
    assert any(float(tensor.abs().max()) > 0 for name, tensor in one.items() if "lora_B" in name)


def test_compiled_layers_learn_the_same(tiny, tmp_path):
    # What other tests compiled of the same code counts towards the limit of recompilations.
    torch.compiler.reset()
    from safetensors.torch import load_file

    examples = make_examples(8)
    recipe = Recipe(rank=4, alpha=8, batch_tokens=60, dtype="float32")
    plain = train(examples, tiny, tmp_path / "plain", recipe)
    quick = train(examples, tiny, tmp_path / "compiled", recipe.model_copy(update={"compiled": True}))
    one, other = load_file(plain / "adapter_model.safetensors"), load_file(quick / "adapter_model.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_another_run_is_not_continued_by_mistake(tiny, tmp_path):
    recipe = Recipe(rank=4, alpha=8, batch_tokens=60)
    train(make_examples(4), tiny, tmp_path / "run", recipe)
    with pytest.raises(ValueError, match="other data or settings"):
        train(make_examples(8), tiny, tmp_path / "run", recipe)


def test_a_run_of_another_base_or_another_start_is_not_continued(tiny, tmp_path):
    examples, recipe = make_examples(4), Recipe(rank=4, alpha=8, batch_tokens=60)
    first = train(examples, tiny, tmp_path / "first", recipe)
    with pytest.raises(ValueError, match="another start"):
        train(examples, tiny, tmp_path / "first", recipe, start=first)
    second = train(examples, tiny, tmp_path / "second", recipe, start=first)
    log = []
    train(examples, tiny, tmp_path / "second", recipe, start=first, log=log.append)
    assert any("goes on from step" in line for line in log)
    with pytest.raises(ValueError, match="another start"):
        train(examples, tiny, tmp_path / "second", recipe, start=second)
    # Of the same shape, and of the same name.
    other = tmp_path / "elsewhere" / tiny.name
    torch.manual_seed(1)
    config = transformers.AutoConfig.from_pretrained(tiny)
    transformers.LlamaForCausalLM(config).save_pretrained(other)
    with pytest.raises(ValueError, match="another base"):
        train(examples, other, tmp_path / "first", recipe)


def test_a_finished_run_that_was_killed_before_its_adapter_was_in_place_writes_it_again(tiny, tmp_path):
    from safetensors.torch import load_file

    examples, recipe = make_examples(12), Recipe(rank=4, alpha=8, batch_tokens=60, checkpoint_seconds=0)
    adapter = train(examples, tiny, tmp_path / "run", recipe)
    weights, record = load_file(adapter / "adapter_model.safetensors"), (adapter / "training.json").read_text()
    # Between the two renames; and before them, with the adapter of an earlier step.
    adapter.rename(tmp_path / "run" / "adapter.old")
    for stale in (None, '{"steps": 1}'):
        if stale:
            (adapter / "training.json").write_text(stale)
        train(examples, tiny, tmp_path / "run", recipe)
        again = load_file(adapter / "adapter_model.safetensors")
        assert all(torch.equal(weights[name], again[name]) for name in weights)
        assert (adapter / "training.json").read_text() == record
    assert not list((tmp_path / "run").glob("adapter.*"))


def test_batches_hold_everything_once_an_epoch_and_keep_to_their_size():
    examples = make_examples(50)
    batches = _batches(examples, Recipe(batch_tokens=120, epochs=2))
    assert sorted(place for batch in batches for place in batch) == sorted([*range(50), *range(50)])
    assert all(max(len(examples[place]) for place in batch) * len(batch) <= 120 for batch in batches if len(batch) > 1)


def test_a_share_of_the_refusals_is_left_out():
    examples = [*make_examples(40), *(Example([1, 2, 3, 4], 2) for _ in range(40))]
    batches = _batches(examples, Recipe(batch_tokens=120, refusals=0.5))
    places = [place for batch in batches for place in batch]
    assert set(range(40)) <= set(places)
    assert 10 < sum(place >= 40 for place in places) < 30


def test_the_learning_rate_rises_and_falls():
    rates = [_rate(step, 100, Recipe(learning_rate=1.0, warmup=0.1)) for step in range(100)]
    assert max(rates) == pytest.approx(1.0)
    assert rates[0] < 0.2
    assert rates[-1] < 0.1
