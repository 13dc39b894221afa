"""The graphic's manifest keeps to what EBU OGraf v1 asks of one."""

import json
import re

from query.pages.page_handler import load_files

REQUIRED = {"$schema", "id", "name", "main", "supportsRealTime", "supportsNonRealTime"}
OPTIONAL = {
    "version",
    "description",
    "author",
    "customActions",
    "stepCount",
    "schema",
    "renderRequirements",
    "thumbnails",
}
METHODS = ("load", "dispose", "playAction", "stopAction", "updateAction", "customAction")


def test_manifest_and_module_are_whole() -> None:
    """Each field that must be there is, none is there that mustn't, and the module has each method of a graphic."""
    files = {name.partition("/")[2]: file for name, file in load_files().items() if name.startswith("ograf/")}
    [manifest] = [json.loads(file.body) for name, file in files.items() if name.endswith(".ograf.json")]
    assert manifest["$schema"] == "https://ograf.ebu.io/v1/specification/json-schemas/graphics/schema.json"
    assert manifest.keys() >= REQUIRED
    assert manifest.keys() <= REQUIRED | OPTIONAL
    assert (manifest["supportsRealTime"], manifest["supportsNonRealTime"], manifest["stepCount"]) == (True, False, 1)
    assert "/" not in manifest["id"]
    module = files[manifest["main"]].body.decode()
    assert all(re.search(rf"^  async {method}\(", module, re.MULTILINE) for method in METHODS)
    for name, file in files.items():
        imported = re.findall(r'from "\./([^"]+)"', file.body.decode())
        assert files.keys() >= set(imported), f"{name} imports what isn't in the folder"
