"""The part of a native entry that looks at places outside of the arguments, as LLVM's text: `i1 name.guarded()`.

Reads the table that `runtime/watch.py` makes; what it is about, it does not know. Start at `guard_text`.
"""

from __future__ import annotations

from wengert.runtime import watch

DECLARATIONS = """
declare ptr @PyDict_GetItem(ptr, ptr)
declare ptr @PyFunction_GetCode(ptr)
declare ptr @PyFunction_GetDefaults(ptr)
declare ptr @PyCell_Get(ptr)
"""


def guard_text(name: str) -> str:
    """The variable `name.places`, the address of the table, and the function that says whether every place holds what it is to hold.

    Names are looked up as CPython does, some 10 ns each. All references are borrowed but that of a cell's content.
    """
    row = "\n".join(
        f"  %at{k} = getelementptr i64, ptr %row, i64 {k}\n  %{part} = load {kind}, ptr %at{k}"
        for k, (part, kind) in enumerate((("how", "i64"), ("holder", "ptr"), ("key", "ptr"), ("expected", "ptr")))
    )
    return f"""
@"{name}.places" = global ptr null
define internal i1 @"{name}.guarded"() nounwind {{
  %table = load ptr, ptr @"{name}.places"
  br label %next
next:
  %row = phi ptr [ %table, %0 ], [ %following, %compare ]
{row}
  switch i64 %how, label %held [
    i64 {watch.ITEM}, label %item
    i64 {watch.CODE}, label %code
    i64 {watch.DEFAULTS}, label %defaults
    i64 {watch.CELL}, label %cell
  ]
item:
  %in_dict = call ptr @PyDict_GetItem(ptr %holder, ptr %key)
  br label %compare
code:
  %of_code = call ptr @PyFunction_GetCode(ptr %holder)
  br label %compare
defaults:
  %of_defaults = call ptr @PyFunction_GetDefaults(ptr %holder)
  br label %compare
cell:
  %content = call ptr @PyCell_Get(ptr %holder)
  %is_empty = icmp eq ptr %content, null
  br i1 %is_empty, label %changed, label %full
full:
  call void @Py_DecRef(ptr %content)
  br label %compare
compare:
  %now = phi ptr [ %in_dict, %item ], [ %of_code, %code ], [ %of_defaults, %defaults ], [ %content, %full ]
  %following = getelementptr i64, ptr %row, i64 {watch.WORDS}
  %same = icmp eq ptr %now, %expected
  br i1 %same, label %next, label %changed
held:
  ret i1 true
changed:
  ret i1 false
}}
"""
