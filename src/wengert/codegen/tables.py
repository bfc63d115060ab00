"""LLVM's names for kinds and scalar operations, and the functions that a module brings along.

Read by `llvm` alone.
"""

TYPE = {"f8": "double", "f4": "float", "b1": "i1", **{f"{s}{n}": f"i{8 * n}" for s in "iu" for n in (1, 2, 4, 8)}, "p": "ptr"}
SUFFIX = {"f8": "f64", "f4": "f32", **{f"{s}{n}": f"i{8 * n}" for s in "iu" for n in (1, 2, 4, 8)}}
FLOAT = {
    "add": "fadd",
    "sub": "fsub",
    "mul": "fmul",
    "div": "fdiv",
    "accumulate": "fadd reassoc",
    "accumulate_product": "fmul reassoc",
    "lt": "fcmp olt",
    "le": "fcmp ole",
    "gt": "fcmp ogt",
    "ge": "fcmp oge",
    "eq": "fcmp oeq",
    "ne": "fcmp une",
}
FLOAT_INTRINSIC = {
    "maximum": "maximum",
    "minimum": "minimum",
    "fmax": "maxnum",
    "fmin": "minnum",
    "copysign": "copysign",
    "abs": "fabs",
    "muladd": "fmuladd",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "rint": "rint",
}
INTEGER = {
    **{name: name for name in ("add", "sub", "mul", "and", "or", "xor", "shl")},
    "accumulate": "add",
    "accumulate_product": "mul",
    "eq": "icmp eq",
    "ne": "icmp ne",
}
BY_SIGN = {  # (signed, unsigned)
    "quotient": ("sdiv", "udiv"),
    "rest": ("srem", "urem"),
    "shr": ("ashr", "lshr"),
    "lt": ("icmp slt", "icmp ult"),
    "le": ("icmp sle", "icmp ule"),
    "gt": ("icmp sgt", "icmp ugt"),
    "ge": ("icmp sge", "icmp uge"),
}
BOOLEAN = {
    "add": "or",
    "accumulate": "or",
    "mul": "and",
    "accumulate_product": "and",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "eq": "icmp eq",
    "ne": "icmp ne",
    "lt": "icmp ult",
    "le": "icmp ule",
    "gt": "icmp ugt",
    "ge": "icmp uge",
    "maximum": "or",
    "minimum": "and",
    "fmax": "or",
    "fmin": "and",
}
EXTREMA = {"maximum": "max", "minimum": "min", "fmax": "max", "fmin": "min"}
PURE = "nounwind willreturn memory(none)"

# What grows: a stack's header is [items, height, room]; its blocks hang on the context's list, which the caller frees.
SUPPORT = {
    "wengert.reserve": """define internal i32 @"wengert.reserve"(ptr %header, i64 %count, i64 %item, ptr %context) {
  %bytes = mul i64 %count, %item
  %all = add i64 %bytes, 64
  %block = call ptr @malloc(i64 %all)
  %none = icmp eq ptr %block, null
  br i1 %none, label %fail, label %good
fail:
  ret i32 1
good:
  %list = getelementptr i8, ptr %context, i64 48
  %head = load ptr, ptr %list
  store ptr %head, ptr %block
  store ptr %block, ptr %list
  %items = getelementptr i8, ptr %block, i64 64
  store ptr %items, ptr %header
  %height = getelementptr i64, ptr %header, i64 1
  store i64 %count, ptr %height
  %room = getelementptr i64, ptr %header, i64 2
  store i64 %count, ptr %room
  ret i32 0
}""",
    "wengert.push": """define internal i32 @"wengert.push"(ptr %header, i64 %count, i64 %item, ptr %context) {
  %height.at = getelementptr i64, ptr %header, i64 1
  %height = load i64, ptr %height.at
  %room.at = getelementptr i64, ptr %header, i64 2
  %room = load i64, ptr %room.at
  %full = icmp eq i64 %height, %room
  br i1 %full, label %grow, label %add
grow:
  %twice = mul i64 %room, 2
  %more = add i64 %twice, 16
  %bytes = mul i64 %more, %item
  %all = add i64 %bytes, 64
  %block = call ptr @malloc(i64 %all)
  %none = icmp eq ptr %block, null
  br i1 %none, label %fail, label %good
fail:
  ret i32 1
good:
  %list = getelementptr i8, ptr %context, i64 48
  %head = load ptr, ptr %list
  store ptr %head, ptr %block
  store ptr %block, ptr %list
  %items = getelementptr i8, ptr %block, i64 64
  %old = load ptr, ptr %header
  %used = mul i64 %height, %item
  call void @llvm.memcpy.p0.p0.i64(ptr %items, ptr %old, i64 %used, i1 false)
  store ptr %items, ptr %header
  store i64 %more, ptr %room.at
  br label %add
add:
  %next = add i64 %height, %count
  store i64 %next, ptr %height.at
  ret i32 0
}""",
}
