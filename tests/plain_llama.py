"""llama-cpp-python with weights as they are: repacked for AMX they crash (llama.cpp#20824), as `agent/model` knows.

`python tests/plain_llama.py ARGUMENTS` starts `llama_cpp.server` so.
"""

import runpy

import llama_cpp.llama_cpp as low


def keep_weights() -> None:
    """Let every model that is loaded from now on keep its weights as they are."""
    usual = low.llama_model_default_params

    def plain():
        parameters = usual()
        parameters.use_extra_bufts = False
        return parameters

    low.llama_model_default_params = plain


if __name__ == "__main__":
    keep_weights()
    runpy.run_module("llama_cpp.server", run_name="__main__")
