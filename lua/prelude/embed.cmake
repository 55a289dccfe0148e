# cmake -DOUT=prelude_text.cc "-DFILES=a.lua;b.lua" -P embed.cmake
# Writes the files, sorted by name, as the table that lua/prelude_text.h declares.
list(SORT FILES)
set(rows "")
set(count 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND rows "    {\"${name}\", R\"PRELUDE(${text})PRELUDE\"},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT}.new "#include \"lua/prelude_text.h\"

namespace breakwater::lua {

const PreludeFile kPreludeFiles[] = {
${rows}};
const size_t kPreludeFileCount = ${count};

}  // namespace breakwater::lua
")
file(RENAME ${OUT}.new ${OUT})
