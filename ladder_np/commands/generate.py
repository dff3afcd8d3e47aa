"""``ladder-np generate``: text from a run that learned the next characters of one."""

import argparse
from typing import Any

from ladder_np.commands.options import add_device_option, add_model_argument, load_model, whole_number
from ladder_np.generation import generate

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "generate",
        help="text from a model of next characters",
        description="Write text that goes on from a prompt, by a model that was trained with --next-character.",
    )
    add_model_argument(parser)
    parser.add_argument("--prompt", default="\n", metavar="TEXT", help="what comes before (default: a line's end)")
    length = "characters to draw (default: %(default)s)"
    parser.add_argument("--length", type=whole_number, default=300, metavar="N", help=length)
    temperature = "1 (default): as the model expects; less: more of what is probable; 0: always the most probable"
    parser.add_argument("--temperature", type=float, default=1.0, metavar="T", help=temperature)
    parser.add_argument("--seed", type=whole_number, default=0, metavar="S", help="of what is drawn (default: 0)")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Generate, and print the prompt and what follows."""
    model = load_model(arguments)
    drawn = generate(model, arguments.prompt, arguments.length, arguments.temperature, arguments.seed)
    print(arguments.prompt + drawn)
    return 0
