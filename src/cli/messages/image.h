/* Of 'yado image'. */
#pragma once
#include "cli/text.h"

MESSAGE(m_image_export_help, "write an image's disk (qcow2) or ISO to a file", "イメージのディスク（qcow2）またはISOをファイルに書き出す");
MESSAGE(m_image_exported, "image %s is in '%s' (%s)\n", "イメージ %s を '%s' に書き出しました（%s）\n");

MESSAGE(m_image_list_help, "list images", "イメージの一覧");
MESSAGE(m_image_show_help, "show an image", "イメージを表示する");
MESSAGE(m_image_build_help, "make an image from a recipe, such as tiny or debian-12; "
			    "with --suite or --recipe the word is its name",
	"レシピ（tiny、debian-12など）からイメージを作る。--suite か --recipe があれば、語はイメージ名");
MESSAGE(m_recipes_help, "list what images can be built from", "イメージのレシピの一覧");
MESSAGE(m_recipes_heading, "Recipes of this node:", "このノードのレシピ:");
MESSAGE(m_recipes_none, "This node has no recipes.", "このノードにレシピはありません。");
MESSAGE(m_col_needs, "NEEDS", "必須");
MESSAGE(m_col_takes, "TAKES", "指定可");
MESSAGE(m_name_twice, "the image has two names: '%s' and --name '%s'", "イメージ名が2つあります: '%s' と --name '%s'");
MESSAGE(m_image_import_help, "take in a disk image or an ISO file", "ディスクイメージやISOファイルを取り込む");
MESSAGE(m_image_set_help, "change what is said about an image: its operating system, its description",
	"イメージのOSや説明を変更する");
MESSAGE(m_image_delete_help, "delete images", "イメージを削除する");
MESSAGE(m_image_none, "No images yet. Make one: yado image build tiny", "イメージはまだありません。作成: yado image build tiny");

MESSAGE(m_col_description, "DESCRIPTION", "説明");
