"""The functions that a module brings along: stacks that grow in memory of the program's own, a list of blocks in its context.

A block begins with 64 bytes: the address of the next older one, how many bytes it holds, how many are in use. A stack is four
words: where its items are, how many, for how many there is room, one spare. Read by `llvm` and `writer`. Start at "wengert.room".
"""

from __future__ import annotations

SUPPORT = {
    # bytes from the newest block, or from a new one; null if there is no memory
    "wengert.room": """define internal ptr @"wengert.room"(i64 %bytes, ptr %context) {
entry:
  %more = add i64 %bytes, 15
  %size = and i64 %more, -16
  %list = getelementptr i8, ptr %context, i64 48
  %head = load ptr, ptr %list
  %none = icmp eq ptr %head, null
  br i1 %none, label %new, label %try
try:
  %holds.at = getelementptr i64, ptr %head, i64 1
  %holds = load i64, ptr %holds.at
  %used.at = getelementptr i64, ptr %head, i64 2
  %used = load i64, ptr %used.at
  %after = add i64 %used, %size
  %fits = icmp ule i64 %after, %holds
  br i1 %fits, label %take, label %new
take:
  store i64 %after, ptr %used.at
  %offset = add i64 %used, 64
  %found = getelementptr i8, ptr %head, i64 %offset
  ret ptr %found
new:
  %before = phi i64 [ 32704, %entry ], [ %holds, %try ]
  %twice = mul i64 %before, 2
  %least = mul i64 %size, 2
  %larger = icmp ugt i64 %least, %twice
  %bound = select i1 %larger, i64 %least, i64 %twice
  %all = add i64 %bound, 64
  %block = call ptr @malloc(i64 %all)
  %failed = icmp eq ptr %block, null
  br i1 %failed, label %fail, label %good
fail:
  ret ptr null
good:
  store ptr %head, ptr %block
  %holds.new = getelementptr i64, ptr %block, i64 1
  store i64 %bound, ptr %holds.new
  %used.new = getelementptr i64, ptr %block, i64 2
  store i64 %size, ptr %used.new
  store ptr %block, ptr %list
  %items = getelementptr i8, ptr %block, i64 64
  ret ptr %items
}""",
    # an empty stack gets `count` items, not written yet
    "wengert.reserve": """define internal i32 @"wengert.reserve"(ptr %header, i64 %count, i64 %item, ptr %context) {
  %bytes = mul i64 %count, %item
  %items = call ptr @"wengert.room"(i64 %bytes, ptr %context)
  %none = icmp eq ptr %items, null
  br i1 %none, label %fail, label %good
fail:
  ret i32 1
good:
  store ptr %items, ptr %header
  %height = getelementptr i64, ptr %header, i64 1
  store i64 %count, ptr %height
  %room = getelementptr i64, ptr %header, i64 2
  store i64 %count, ptr %room
  ret i32 0
}""",
    # `count` more items on a stack; they stay where they are if nothing was taken from the block since
    "wengert.push": """define internal i32 @"wengert.push"(ptr %header, i64 %count, i64 %item, ptr %context) alwaysinline {
  %height.at = getelementptr i64, ptr %header, i64 1
  %height = load i64, ptr %height.at
  %room.at = getelementptr i64, ptr %header, i64 2
  %room = load i64, ptr %room.at
  %full = icmp eq i64 %height, %room
  br i1 %full, label %grow, label %add, !prof !{!"branch_weights", i32 1, i32 1000}
grow:
  %failed = call i32 @"wengert.grow"(ptr %header, i64 %item, ptr %context)
  %none = icmp ne i32 %failed, 0
  br i1 %none, label %fail, label %add
fail:
  ret i32 1
add:
  %next = add i64 %height, %count
  store i64 %next, ptr %height.at
  ret i32 0
}""",
    "wengert.grow": """define internal i32 @"wengert.grow"(ptr %header, i64 %item, ptr %context) noinline cold {
  %room.at = getelementptr i64, ptr %header, i64 2
  %room = load i64, ptr %room.at
  %small = icmp ule i64 %item, 64
  %least = select i1 %small, i64 16, i64 2
  %old = load ptr, ptr %header
  %bytes = mul i64 %room, %item
  %end = getelementptr i8, ptr %old, i64 %bytes
  %list = getelementptr i8, ptr %context, i64 48
  %head = load ptr, ptr %list
  %unmade = icmp eq ptr %head, null
  %empty = icmp eq i64 %room, 0
  %first = or i1 %unmade, %empty
  br i1 %first, label %move, label %look
look:
  %used.at = getelementptr i64, ptr %head, i64 2
  %used = load i64, ptr %used.at
  %top = getelementptr i8, ptr %head, i64 %used
  %last = getelementptr i8, ptr %top, i64 64
  %newest = icmp eq ptr %last, %end
  br i1 %newest, label %extend, label %move
extend:
  %half = lshr i64 %room, 2
  %even = shl i64 %half, 1
  %extra = add i64 %even, %least
  %wanted = mul i64 %extra, %item
  %holds.at = getelementptr i64, ptr %head, i64 1
  %holds = load i64, ptr %holds.at
  %after = add i64 %used, %wanted
  %fits = icmp ule i64 %after, %holds
  br i1 %fits, label %stay, label %move
stay:
  store i64 %after, ptr %used.at
  %longer = add i64 %room, %extra
  store i64 %longer, ptr %room.at
  ret i32 0
move:
  %twice = mul i64 %room, 2
  %more = add i64 %twice, %least
  %all = mul i64 %more, %item
  %items = call ptr @"wengert.room"(i64 %all, ptr %context)
  %none = icmp eq ptr %items, null
  br i1 %none, label %fail, label %good
fail:
  ret i32 1
good:
  call void @llvm.memcpy.p0.p0.i64(ptr %items, ptr %old, i64 %bytes, i1 false)
  store ptr %items, ptr %header
  store i64 %more, ptr %room.at
  ret i32 0
}""",
    # where the newest block is filled to; what is taken after that is given back by the other
    "wengert.mark": """define internal void @"wengert.mark"(ptr %mark, ptr %context) {
  %list = getelementptr i8, ptr %context, i64 48
  %head = load ptr, ptr %list
  store ptr %head, ptr %mark
  %none = icmp eq ptr %head, null
  br i1 %none, label %done, label %some
some:
  %used.at = getelementptr i64, ptr %head, i64 2
  %used = load i64, ptr %used.at
  %used.to = getelementptr i64, ptr %mark, i64 1
  store i64 %used, ptr %used.to
  ret void
done:
  ret void
}""",
    "wengert.release": """define internal void @"wengert.release"(ptr %mark, ptr %context) {
  %list = getelementptr i8, ptr %context, i64 48
  %head = load ptr, ptr %list
  %none = icmp eq ptr %head, null
  br i1 %none, label %done, label %some
some:
  %then = load ptr, ptr %mark
  %same = icmp eq ptr %then, %head
  %used.from = getelementptr i64, ptr %mark, i64 1
  %before = load i64, ptr %used.from
  %used = select i1 %same, i64 %before, i64 0
  %used.at = getelementptr i64, ptr %head, i64 2
  store i64 %used, ptr %used.at
  ret void
done:
  ret void
}""",
}
NEEDS = {"wengert.reserve": ("wengert.room",), "wengert.push": ("wengert.grow", "wengert.room")}  # what each of them calls
